package node

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"mural/blob"
	"mural/event"
	"mural/media"
	"mural/web"
)

// version is set by the release build (-ldflags "-X mural/node.version=v0.1.0").
var version = "0.1.0-dev"

// Version names this build, with the commit it was made from where that is known.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return version + "+" + s.Value[:12]
		}
	}
	return version
}

// Self is what the node says of itself to everybody who may see the app.
func (n *Node) Self() web.Self {
	_, ffmpeg := media.FFmpeg()
	return web.Self{NodeID: n.ID(), ShortID: n.ShortID(), Version: Version(), StartedAt: n.started,
		BackupDone: n.marks.get(markBackup) != "", FFmpeg: ffmpeg, MaxBlobBytes: blob.MaxBlobBytes}
}

// Status is the node in figures.
func (n *Node) Status(ctx context.Context) (web.Status, error) {
	st, err := n.store.Stats(ctx)
	if err != nil {
		return web.Status{}, err
	}
	count, bytes := n.blobs.Usage()
	s := web.Status{
		Version: Version(), Go: runtime.Version(), NodeID: n.ID(), Home: n.cfg.Home,
		UptimeMS: n.now().Sub(n.started).Milliseconds(), Events: int64(st.Events), DBBytes: st.Bytes,
		Blobs: int64(count), BlobBytes: bytes, DiskFreeBytes: diskFree(n.cfg.Home),
		RSSBytes: residentBytes(), CPUSeconds: cpuSeconds(), RelayURL: n.RelayURL(), Checks: n.Checks(),
	}
	s.Origins, s.Waiting = n.origins()
	if n.peers != nil {
		for _, p := range n.peers.Peers() {
			if p.Connected {
				s.Peers++
			}
			s.Traffic.In += p.BytesIn
			s.Traffic.Out += p.BytesOut
		}
	}
	s.KeptForOthers, err = n.keptForOthers(ctx)
	return s, err
}

// keptForOthers counts what is here and not my own.
func (n *Node) keptForOthers(ctx context.Context) (web.KeptForOthers, error) {
	me, _ := n.ring.Person()
	var k web.KeptForOthers
	all, err := n.store.Count(ctx, event.Filter{})
	if err != nil {
		return k, err
	}
	mine, err := n.store.Count(ctx, event.Filter{Authors: []event.PubKey{me}})
	if err != nil {
		return k, err
	}
	k.Events = int64(all - mine)
	others, err := n.store.Query(ctx, event.Filter{Kinds: []event.Kind{event.KindProfile}})
	if err != nil {
		return k, err
	}
	k.People = int64(len(slices.DeleteFunc(others, func(e *event.Event) bool { return e.PubKey == me })))
	k.Blobs, k.Bytes, err = n.othersBlobs(ctx, me)
	return k, err
}

const countedPosts = 5000 // newest posts whose media are counted

func (n *Node) othersBlobs(ctx context.Context, me event.PubKey) (count, bytes int64, err error) {
	posts, err := n.store.Query(ctx, event.Filter{Kinds: mediaKinds, Limit: countedPosts})
	if err != nil {
		return 0, 0, err
	}
	counted := map[blob.Hash]bool{}
	for _, e := range posts {
		if e.PubKey == me {
			continue
		}
		for _, ref := range blobRefs(e) {
			if info, err := n.blobs.Stat(ref.Hash); err == nil && !counted[ref.Hash] {
				counted[ref.Hash] = true
				count, bytes = count+1, bytes+info.Size
			}
		}
	}
	return count, bytes, nil
}

func (n *Node) origins() ([]web.Origin, []string) {
	decided, waiting := n.gate.Origins()
	out := []web.Origin{}
	for o, ok := range decided {
		out = append(out, web.Origin{Origin: o, Allowed: ok})
	}
	slices.SortFunc(out, func(a, b web.Origin) int { return strings.Compare(a.Origin, b.Origin) })
	return out, waiting
}

// AllowOrigin keeps the owner's word about a web client.
func (n *Node) AllowOrigin(_ context.Context, origin string, allow bool) ([]web.Origin, error) {
	if err := n.gate.Decide(origin, allow); err != nil {
		return nil, &web.Problem{Status: 422, Code: "origin", Message: "This is not the address of a web client.", Next: "It looks like https://example.org."}
	}
	all, _ := n.origins()
	n.watch.tell(web.Change{Me: true})
	return all, nil
}

// Checks is what the doctor says: what works here, what is missing, what to type.
func (n *Node) Checks() []web.Check {
	checks := []web.Check{n.checkFFmpeg(), n.checkDisk(), n.checkPerson(), n.checkNetwork()}
	return checks
}

func (n *Node) checkFFmpeg() web.Check {
	if path, ok := media.FFmpeg(); ok {
		return web.Check{Name: "ffmpeg", OK: true, What: "Posters, waveforms and previews are made with " + path + "."}
	}
	return web.Check{Name: "ffmpeg", What: "ffmpeg is not installed: clips keep their original form and get no poster; pictures work.", Next: "sudo apt install ffmpeg"}
}

func (n *Node) checkDisk() web.Check {
	free := diskFree(n.cfg.Home)
	c := web.Check{Name: "disk", OK: free > minFreeBytes, What: fmt.Sprintf("%.1f GB free in %s.", float64(free)/1e9, n.cfg.Home)}
	if !c.OK {
		c.Next = "Free some space: nothing is fetched for others below 1 GB."
	}
	return c
}

func (n *Node) checkPerson() web.Check {
	if _, ok := n.ring.Person(); !ok {
		return web.Check{Name: "person", What: "Nobody has typed a name yet.", Next: "mural open"}
	}
	if n.marks.get(markBackup) == "" {
		return web.Check{Name: "backup", What: "The key of this person has no backup.", Next: "mural backup-key"}
	}
	return web.Check{Name: "backup", OK: true, What: "A backup of the key was made."}
}

func (n *Node) checkNetwork() web.Check {
	y, _ := n.Nearby(context.Background())
	switch {
	case y.NetworkID == "":
		return web.Check{Name: "network", What: "This device is on no network; everything here still works, and a USB stick carries posts.", Next: "Join a Wi-Fi to meet people nearby."}
	case y.Choice == nearbyOn:
		return web.Check{Name: "nearby", OK: true, What: "You are visible on " + y.Network + "."}
	}
	return web.Check{Name: "nearby", OK: true, What: "You are not visible on " + y.Network + ".", Next: "mural nearby on"}
}

// residentBytes is the memory this process holds (Linux; 0 elsewhere).
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
