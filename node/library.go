package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"mural/blob"
	"mural/keys"
	"mural/media"
	"mural/web"
)

const (
	waveformBars   = 64
	describeTime   = 60 * time.Second // for everything derived from one file
	maxDescription = 64 << 10         // bytes of one cached description
)

// Import takes a file in: metadata goes before the bytes get their name, then
// the blob is stored and described. name is a hint for people only.
func (n *Node) Import(ctx context.Context, r io.Reader, _ string, keepOriginal bool) (web.Media, error) {
	m, err := n.takeIn(ctx, r, keepOriginal || n.cfg.KeepOriginals)
	if err != nil {
		return m, err
	}
	return m, intake(n.ownDraft(ctx, blob.Hash(m.Hash)))
}

// ownDraft lists the file among the person's uploads, with a mark that it is
// for a post that may come: without the mark it would stay for ever.
func (n *Node) ownDraft(ctx context.Context, h blob.Hash) error {
	me, ok := n.ring.Person()
	if !ok {
		return nil
	}
	owners, err := n.owners(ctx)
	if err != nil {
		return err
	}
	if _, marked := n.drafts.marked(h); owners.has(me, h) && !marked {
		return nil // uploaded on purpose, by a Blossom client: it stays
	}
	if err := n.drafts.mark(h); err != nil {
		return err
	}
	return n.blobs.AddOwner(ctx, h, me)
}

// takeIn cleans, stores and describes a file.
func (n *Node) takeIn(ctx context.Context, r io.Reader, keepOriginal bool) (web.Media, error) {
	raw, err := n.receive(r)
	if err != nil {
		return web.Media{}, intake(err)
	}
	defer os.Remove(raw.Name())
	defer raw.Close()
	clean, report, err := n.strip(ctx, raw)
	if err != nil {
		return web.Media{}, intake(err)
	}
	defer os.Remove(clean.Name())
	defer clean.Close()
	info, err := n.putBlob(ctx, clean, blob.PutOptions{Type: report.Type})
	if err != nil {
		return web.Media{}, intake(err)
	}
	if keepOriginal {
		if err := n.keepOriginal(ctx, raw); err != nil {
			return web.Media{}, intake(err)
		}
	}
	m, err := n.Describe(ctx, web.Hash(info.Hash))
	m.Stripped = report.Removed
	return m, err
}

// receive writes what comes to a private temporary file, up to the size limit.
func (n *Node) receive(r io.Reader) (*os.File, error) {
	f, err := os.CreateTemp(n.home.path("tmp"), "import-*")
	if err != nil {
		return nil, err
	}
	size, err := io.Copy(f, io.LimitReader(r, blob.MaxBlobBytes+1))
	switch {
	case err == nil && size > blob.MaxBlobBytes:
		err = blob.ErrTooLarge
	case err == nil && size == 0:
		err = errEmpty
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, err
	}
	return f, nil
}

var errEmpty = errors.New("the file is empty")

func (n *Node) strip(ctx context.Context, raw *os.File) (*os.File, media.Report, error) {
	if err := mediaOnly(raw); err != nil {
		return nil, media.Report{}, err
	}
	out, err := os.CreateTemp(n.home.path("tmp"), "import-*")
	if err != nil {
		return nil, media.Report{}, err
	}
	report, err := media.Strip(ctx, raw, out)
	if err == nil && report.Unchecked { // AVI, camera raw: what they tell about their maker stays in
		err = fmt.Errorf("%w: %s cannot be cleaned", media.ErrUnsupported, report.Type)
	}
	if err == nil {
		err = readable(ctx, out.Name())
	}
	if err == nil {
		_, err = out.Seek(0, io.SeekStart)
	}
	if err != nil {
		out.Close()
		os.Remove(out.Name())
		return nil, report, err
	}
	return out, report, nil
}

// readable refuses a file of which nothing but its type can be told.
func readable(ctx context.Context, path string) error {
	if _, err := media.Probe(ctx, path); errors.Is(err, media.ErrMalformed) {
		return err
	}
	return nil
}

// mediaOnly refuses what is not picture, sound or film: pages and programs are
// not shown, and nothing could be taken out of them.
func mediaOnly(f *os.File) error {
	head := make([]byte, media.SniffLen)
	k, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	if t, _ := media.Sniff(head[:k]); !shown(t) {
		return fmt.Errorf("%w: %s", media.ErrUnsupported, t)
	}
	return nil
}

func (n *Node) keepOriginal(ctx context.Context, raw *os.File) error {
	if _, err := raw.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := n.blobs.PutOriginal(ctx, raw, blob.PutOptions{})
	return err
}

// intake turns what can go wrong with a file into a sentence with a next step.
func intake(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, blob.ErrTooLarge), errors.Is(err, media.ErrTooLarge):
		return &web.Problem{Status: 413, Code: "too-large", Message: "This file is over the limit of 4 GB, or too complex to be cleaned.", Next: "Cut it into parts and post them one by one."}
	case errors.Is(err, media.ErrUnsupported), errors.Is(err, errEmpty):
		return &web.Problem{Status: 415, Code: "no-media", Message: "This file is no picture, clip or sound that mural knows.", Next: "Use JPEG, PNG, GIF, WebP, HEIC, MP4, MOV, WebM, MP3, M4A, Ogg, FLAC or WAV."}
	case errors.Is(err, media.ErrMalformed):
		return &web.Problem{Status: 415, Code: "damaged", Message: "This file is damaged, so its private details cannot be taken out safely.", Next: "Open and save it again with another program, then try once more."}
	case errors.Is(err, blob.ErrFull), isFull(err):
		return &web.Problem{Status: 507, Code: "full", Message: "The disk is full; nothing was stored.", Next: "Free some space and try again. Reading goes on."}
	}
	return fmt.Errorf("node: importing: %w", err)
}

// Describe says what the node knows of a blob that is here; fs.ErrNotExist if
// it is not. What costs time to find out is kept in cache/.
func (n *Node) Describe(ctx context.Context, h web.Hash) (web.Media, error) {
	info, err := n.blobs.Stat(blob.Hash(h))
	if err != nil {
		return web.Media{}, err
	}
	cache := n.home.path("cache", h.String()+".json")
	if m, err := readDescription(cache); err == nil && n.hasPoster(m) {
		return m, nil
	}
	m, err := n.describe(ctx, info)
	if err != nil {
		return web.Media{}, err
	}
	b, err := json.Marshal(m)
	if err == nil {
		err = keys.WriteFile(cache, b)
	}
	if err != nil {
		n.log.WarnContext(ctx, "description not kept", "err", err)
	}
	return m, nil
}

// hasPoster says whether the poster that a description names is still here. It
// counts as taken in anew: a post with it may be on its way.
func (n *Node) hasPoster(m web.Media) bool {
	if m.Poster.IsZero() {
		return true
	}
	n.drafts.touch(blob.Hash(m.Poster))
	return n.hasBlob(blob.Hash(m.Poster))
}

func readDescription(path string) (m web.Media, err error) {
	st, err := os.Stat(path)
	if err != nil || st.Size() > maxDescription {
		return m, fs.ErrNotExist
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(b, &m)
}

func (n *Node) describe(ctx context.Context, info blob.Info) (web.Media, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTime)
	defer cancel()
	defer n.rest.afterPicture()
	m := web.Media{Hash: web.Hash(info.Hash), Type: info.Type, Size: info.Size}
	list, err := n.blobs.ChunkList(ctx, info.Hash)
	if err != nil {
		return m, fmt.Errorf("node: chunk list: %w", err)
	}
	m.Chunks = web.Hash(list.Hash())
	path, err := n.blobs.Path(info.Hash)
	if err != nil {
		return m, err
	}
	n.look(ctx, path, &m)
	return m, nil
}

// look fills in what can be found out; what cannot is left empty, not an error.
func (n *Node) look(ctx context.Context, path string, m *web.Media) {
	if p, err := media.Probe(ctx, path); err == nil {
		m.Width, m.Height, m.DurationMS = p.Width, p.Height, p.Duration.Milliseconds()
		m.Type = first(m.Type, p.Type)
	}
	switch family(m.Type) {
	case "image":
		m.BlurHash, _ = media.BlurHash(ctx, path)
	case "audio":
		m.Waveform, _ = media.Waveform(ctx, path, waveformBars)
	case "video":
		m.Poster = n.poster(ctx, path)
	}
}

// poster makes the still of a clip, itself a blob, where ffmpeg is present.
func (n *Node) poster(ctx context.Context, path string) web.Hash {
	f, err := os.CreateTemp(n.home.path("tmp"), "poster-*")
	if err != nil {
		return web.Hash{}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := media.Poster(ctx, path, f); err != nil {
		if !errors.Is(err, media.ErrNoFFmpeg) {
			n.log.InfoContext(ctx, "no poster could be made", "err", err)
		}
		return web.Hash{}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return web.Hash{}
	}
	info, err := n.putBlob(ctx, f, blob.PutOptions{Type: "image/jpeg"})
	if err != nil {
		return web.Hash{}
	}
	return web.Hash(info.Hash)
}
