package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

type object = map[string]any

type blob struct {
	kind string
	data []byte
}

// world is everything the mock knows; mu guards all of it.
type world struct {
	mu      sync.Mutex
	now     time.Time
	fresh   bool
	guest   bool
	choice  string
	backup  bool
	mine    int
	me      object
	people  []object
	posts   []object
	blobs   map[string]blob
	origins []object
	waiting []string
	streams map[chan string]struct{}
	serial  int
}

func newWorld(now time.Time, fresh, guest bool) *world {
	w := &world{now: now, fresh: fresh, guest: guest, choice: "ask", blobs: map[string]blob{}, streams: map[chan string]struct{}{}}
	w.people = cast(w)
	if fresh {
		return w
	}
	w.choice, w.mine = "on", 3
	w.me = w.people[0]
	w.waiting = []string{"https://client.example"}
	w.origins = []object{{"origin": "https://other.example", "allowed": true}}
	w.posts = script(w)
	return w
}

func hash(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func (w *world) keep(kind string, data []byte) string {
	h := sha256.Sum256(data)
	id := hex.EncodeToString(h[:])
	w.blobs[id] = blob{kind, data}
	return id
}

func (w *world) person(name, about, picture string, following, followsMe bool, trust string) object {
	key := hash("person " + name)
	return object{
		"pubkey": key, "npub": "npub1" + key[:58], "name": name, "about": about, "picture": picture, "me": trust == "me", "following": following,
		"follows_me": followsMe, "posts": 3 + len(name), "trust": trust, "path": []object{},
		"devices": []object{{"peer_id": "12D3KooW" + key[:20], "role": "laptop", "connected": len(name)%2 == 0, "last_seen_ms": w.now.Add(-3 * time.Hour).UnixMilli(), "this": trust == "me"}},
	}
}

func short(p object) object {
	out := object{}
	for _, k := range []string{"pubkey", "npub", "name", "picture", "me", "following"} {
		out[k] = p[k]
	}
	return out
}

func cast(w *world) []object {
	face := func(seed uint64) string { return w.keep("image/jpeg", landscape(seed, 320, 320)) }
	return []object{
		w.person("Ana Ferreira", "Bread, bicycles, bad puns. Paints walls for a living.", face(3), false, false, "me"),
		w.person("Bilal", "Radio amateur in the hills. 73!", "", true, true, "following"),
		w.person("Chiara Lombardi", "Marionettes and marmalade.", face(11), true, true, "following"),
		w.person("Dawit Haile", "", "", true, false, "following"),
		w.person("ليلى منصور", "مصورة من الإسكندرية", face(14), true, true, "following"),
		w.person("Edda", "I count birds.", "", false, true, "path"),
		w.person("Farid Okonkwo-Vandersteen", "Documentary sound. Long name, short sentences.", "", false, false, "nearby"),
		w.person("Gun-hild", "Next door with the blue door.", face(21), false, false, "nearby"),
	}
}

func (w *world) media(kind string, data []byte, wd, ht, ms int, alt string) object {
	id := w.keep(kind, data)
	ext := map[string]string{"image/jpeg": ".jpg", "audio/wav": ".wav", "video/webm": ".webm"}[kind]
	m := object{"sha256": id, "type": kind, "size": len(data), "width": wd, "height": ht, "duration_ms": ms, "alt": alt, "url": "/" + id + ext,
		"thumb": "", "poster": "", "blurhash": "", "waveform": []int{}, "have": "all", "have_bytes": len(data)}
	if strings.HasPrefix(kind, "image") {
		m["thumb"] = "/api/thumb/" + id + "?w=640"
	}
	return m
}

// post makes one that was written so long ago.
func (w *world) post(by object, before time.Duration, form, text string, media ...object) object {
	w.serial++
	id := hash(fmt.Sprint("post", w.serial))
	at := w.now.Add(-before)
	if media == nil {
		media = []object{}
	}
	author, since := "connected", int64(0)
	if name := by["name"].(string); by["me"] == true {
		author = "here"
	} else if name == "Bilal" || name == "Dawit Haile" {
		author, since = "dark", w.now.Add(-95*time.Minute).UnixMilli()
	}
	keepers := []object{}
	for i, p := range []object{w.people[0], w.people[2], w.people[5], w.people[4]}[:1+w.serial%4] {
		keepers = append(keepers, object{"peer_id": "12D3KooW" + hash(fmt.Sprint(i))[:30], "person": short(p), "this": i == 0, "checked_at_ms": w.now.Add(-time.Duration(i*7+2) * time.Minute).UnixMilli()})
	}
	why := "You follow " + by["name"].(string) + "."
	if by["following"] != true {
		why = by["name"].(string) + " is known to Chiara Lombardi, whom you follow."
	}
	if by["me"] == true {
		why = "You made it."
	}
	return object{"id": id, "nevent": id, "kind": 1, "author": short(by), "created_at": at.Unix(), "received_at_ms": at.UnixMilli() + 900, "time_uncertain": false,
		"form": form, "title": "", "text": text, "warning": "", "media": media, "hashtags": []string{}, "mentions": []object{}, "layer": nil, "layers": 0, "reposts": 0,
		"reposted_by": nil, "kept": object{"devices": len(keepers), "checked_at_ms": w.now.UnixMilli(), "keepers": keepers, "author": author, "author_dark_since_ms": since},
		"road": object{"via": "peer", "from": short(w.people[2]), "peer_id": "12D3KooW", "at_ms": at.UnixMilli() + 900}, "why": why, "verified": true}
}

func layer(p object, op string, of object) object {
	p["layer"] = object{"operation": op, "of": of["id"], "of_post": of}
	of["layers"] = of["layers"].(int) + 1
	return p
}

// script is a few days of a small circle, newest first.
func script(w *world) []object {
	ana, bilal, chiara, dawit, layla, edda := w.people[0], w.people[1], w.people[2], w.people[3], w.people[4], w.people[5]
	pic := func(seed uint64, wd, ht int, alt string) object {
		return w.media("image/jpeg", landscape(seed, wd, ht), wd, ht, 0, alt)
	}
	wav, levels := hum(5, 24)
	voice := w.media("audio/wav", wav, 0, 0, 24000, "")
	voice["waveform"] = levels
	wav2, levels2 := hum(9, 9)
	voice2 := w.media("audio/wav", wav2, 0, 0, 9000, "")
	voice2["waveform"] = levels2
	bridge := w.post(dawit, 5*time.Hour, "picture", "The old bridge at six this morning. They want to tear it down in spring.", pic(10, 1200, 700, "A stone bridge in orange morning light, mist on the river"))
	radio := w.post(bilal, 26*time.Hour, "voice", "The eleven o'clock net, for those who slept.", voice)
	harbour := w.post(layla, 8*time.Hour, "picture", "الميناء قبل العاصفة بدقائق.", pic(14, 900, 1200, "ميناء وقوارب تحت سماء داكنة"))
	film := w.post(edda, 30*time.Hour, "video", "Starlings over the gasworks. Sound on if you can.")
	if c := clip(); c != nil {
		m := w.media("video/webm", c, 640, 360, 6000, "Colours of dusk moving slowly")
		poster := w.keep("image/jpeg", landscape(12, 640, 360))
		m["poster"] = "/" + poster + ".jpg"
		film["media"] = []object{m}
	}
	coming := pic(17, 1000, 1000, "Six jars of marmalade on a windowsill")
	coming["have"], coming["have_bytes"] = "none", 0
	warned := w.post(dawit, 50*time.Hour, "picture", "From the clinic. They did everything right.", pic(13, 1000, 750, "A bandaged hand holding another hand"))
	warned["warning"] = "Blood"
	passed := w.post(w.people[6], 20*time.Hour, "text", "Silence is also a recording. I have eleven hours of it from a monastery, and no two minutes are the same: a chair, a sparrow, somebody who decides not to cough. I am looking for a person with an hour to spare who listens to some of it and tells me where it is not silent. No ear training needed, only patience and headphones that close well.")
	passed["reposted_by"] = short(chiara)
	essay := w.post(chiara, 60*time.Hour, "article", "A marionette has nine strings and one secret: the ones that you do not pull. Whoever learns it pulls all of them at once and wonders why the thing looks nervous.\n\nMy grandmother let me hold a single string for a year. The left knee. I was bored to tears, and at the end of that year there was nothing in the world that I knew as well as a left knee.")
	essay["title"] = "What my grandmother did not pull"
	quote := layer(w.post(chiara, 3*time.Hour, "text", "My mother learned to swim under that bridge. If it goes, I want it to go with its stories: send me yours and I will paint them on the stones."), "quote", bridge)
	spoken := layer(w.post(edda, 2*time.Hour, "voice", "", voice2), "voice-over", bridge)
	drawn := layer(w.post(ana, 70*time.Minute, "picture", "Measured it. It could stand for two hundred years more.", pic(11, 1100, 640, "A pencil drawing of the bridge with measures")), "annotate", quote)
	return []object{
		w.post(bilal, 4*time.Minute, "text", "Snow on the antenna. Nobody move."),
		drawn, spoken, quote,
		w.post(ana, 4*time.Hour, "text", "Bread is out. Come while it is still too hot to cut."),
		bridge, harbour,
		w.post(edda, 9*time.Hour, "text", "Forty-one swifts."),
		w.post(chiara, 11*time.Hour, "picture", "Six jars. Two are promised.", coming),
		w.post(dawit, 15*time.Hour, "picture", "Three walks", pic(15, 800, 800, "Hills in the evening"), pic(16, 800, 800, "Hills at noon"), pic(18, 800, 800, "Hills at night")),
		w.post(layla, 19*time.Hour, "text", "من يعرف كيف تُصلَح كاميرا قديمة؟ الغالق لا يغلق."),
		passed, radio, film, warned,
		w.post(ana, 55*time.Hour, "text", "First stroke. From my desk I see a crane, a cat and a man who waters concrete. https://example.org/crane"),
		essay,
		w.post(bilal, 80*time.Hour, "text", "If the mains fail on Thursday: channel 8, every full hour, two minutes. Bring news, not opinions."),
		w.post(layla, 90*time.Hour, "picture", "", pic(19, 1400, 620, "أفق المدينة عند الغروب")),
	}
}

// serveBlob answers /<sha256>[.ext] and says whether it was one.
func (w *world) serveBlob(rw http.ResponseWriter, r *http.Request, name string) bool {
	w.mu.Lock()
	b, ok := w.blobs[strings.TrimSuffix(name, filepath.Ext(name))]
	w.mu.Unlock()
	if ok {
		serve(rw, r, b)
	}
	return ok
}
