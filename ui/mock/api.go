package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rsc.io/qr"
)

func serve(rw http.ResponseWriter, r *http.Request, b blob) {
	rw.Header().Set("Content-Type", b.kind)
	http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(b.data))
}

func answer(rw http.ResponseWriter, v any) {
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(v) // the browser went away
}

func refuse(rw http.ResponseWriter, status int, code, message, next string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(object{"error": object{"code": code, "message": message, "next": next}})
}

// routes hangs every call; each runs with the world locked, except the stream.
func (w *world) routes(mux *http.ServeMux) {
	on := func(pattern string, f http.HandlerFunc) {
		mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			defer w.mu.Unlock()
			f(rw, r)
		})
	}
	on("GET /api/me", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, w.meBody()) })
	on("POST /api/session", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) })
	on("DELETE /api/session", func(rw http.ResponseWriter, _ *http.Request) { w.guest = true; rw.WriteHeader(http.StatusNoContent) })
	on("POST /api/person", w.setPerson)
	on("POST /api/backup", func(rw http.ResponseWriter, _ *http.Request) {
		w.backup = true
		answer(rw, object{"ncryptsec": "ncryptsec1…", "npub": "npub1…", "file_name": "mural-ana.key.txt", "file_text": "mock\n"})
	})
	on("GET /api/feed", w.feed)
	on("GET /api/posts/{id}", w.postPage)
	on("POST /api/posts", w.newPost)
	on("POST /api/posts/{id}/repost", func(rw http.ResponseWriter, r *http.Request) {
		refuse(rw, http.StatusConflict, "repost", "The mock does not pass on unchanged.", "Try the real node.")
	})
	on("DELETE /api/posts/{id}", w.deletePost)
	on("POST /api/import", w.importBlob)
	on("GET /api/people", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, object{"people": w.people}) })
	on("GET /api/people/{id}", w.personPage)
	on("PUT /api/people/{id}/follow", func(rw http.ResponseWriter, r *http.Request) { w.follow(rw, r, true) })
	on("DELETE /api/people/{id}/follow", func(rw http.ResponseWriter, r *http.Request) { w.follow(rw, r, false) })
	on("GET /api/nearby", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, w.nearby()) })
	on("POST /api/nearby", w.setNearby)
	on("GET /api/peers", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, object{"peers": w.peers()}) })
	on("POST /api/invite", w.invite)
	on("POST /api/join", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, object{"person": w.people[5], "connected": true})
	})
	on("GET /api/node", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, w.nodeBody()) })
	on("POST /api/origins", w.allow)
	on("GET /api/thumb/{id}", func(rw http.ResponseWriter, r *http.Request) {
		b, ok := w.blobs[r.PathValue("id")]
		if !ok {
			http.NotFound(rw, r)
			return
		}
		serve(rw, r, b)
	})
	mux.HandleFunc("GET /api/live", w.live)
}

func (w *world) meBody() object {
	var person any
	if w.me != nil {
		person = w.me
	}
	return object{"owner": !w.guest, "node_id": "12D3KooWMock", "short_id": "a1b2c3d4", "version": "0.0.0", "started_at_ms": w.now.UnixMilli(), "person": person,
		"nearby": w.nearby(), "backup_done": w.backup, "posts_made": w.mine, "media": object{"ffmpeg": false}, "limits": object{"max_blob_bytes": 4 << 30, "max_text_bytes": 64 << 10}}
}

func (w *world) setPerson(rw http.ResponseWriter, r *http.Request) {
	var in struct{ Name, About, Picture string }
	if err := json.Unmarshal(drain(r), &in); err != nil {
		refuse(rw, http.StatusBadRequest, "json", "That is not JSON.", "")
		return
	}
	if w.me == nil {
		w.me = w.person(in.Name, "", "", false, false, "me")
		w.people[0] = w.me
	}
	w.me["name"], w.me["about"], w.me["picture"] = in.Name, in.About, in.Picture
	answer(rw, w.me)
}

func (w *world) feed(rw http.ResponseWriter, r *http.Request) {
	out := []object{}
	for _, p := range w.posts {
		switch r.URL.Query().Get("scope") {
		case "me":
			if p["author"].(object)["me"] != true {
				continue
			}
		case "nearby":
			continue
		}
		if p["form"] != "comment" {
			out = append(out, p)
		}
	}
	answer(rw, object{"posts": out, "next": ""})
}

func (w *world) find(id string) object {
	for _, p := range w.posts {
		if p["id"] == id {
			return p
		}
	}
	return nil
}

// family is everything that hangs together with p by layers.
func (w *world) family(p object) (nodes []object, edges []object) {
	in := map[any]bool{p["id"]: true}
	for range 6 {
		for _, q := range w.posts {
			l, ok := q["layer"].(object)
			if ok && (in[l["of"]] || in[q["id"]]) {
				in[l["of"]], in[q["id"]] = true, true
			}
		}
	}
	for _, q := range w.posts {
		if !in[q["id"]] {
			continue
		}
		nodes = append(nodes, q)
		if l, ok := q["layer"].(object); ok {
			edges = append(edges, object{"from": q["id"], "to": l["of"], "operation": l["operation"]})
		}
	}
	return nodes, edges
}

func (w *world) postPage(rw http.ResponseWriter, r *http.Request) {
	p := w.find(r.PathValue("id"))
	if p == nil {
		refuse(rw, http.StatusNotFound, "not-found", "This post is not here.", "It may arrive later; ask the person who sent you the link to stay connected for a while.")
		return
	}
	comments := []object{}
	for _, q := range w.posts {
		if q["form"] == "comment" && q["of"] == p["id"] {
			comments = append(comments, q)
		}
	}
	nodes, edges := w.family(p)
	answer(rw, object{"post": p, "lineage": object{"nodes": nodes, "edges": edges}, "comments": comments})
}

func (w *world) newPost(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Text, Warning string
		Media         []struct{ Sha256, Alt string }
		Pass, Reply   *struct{ ID, Operation string }
	}
	if err := json.Unmarshal(drain(r), &in); err != nil {
		refuse(rw, http.StatusBadRequest, "json", "That is not JSON.", "")
		return
	}
	w.now = time.Now()
	form, media := "text", []object{}
	for _, m := range in.Media {
		b := w.blobs[m.Sha256]
		one := w.media(b.kind, b.data, 1000, 750, 0, m.Alt)
		form = map[string]string{"im": "picture", "vi": "video", "au": "voice"}[b.kind[:2]]
		media = append(media, one)
	}
	p := w.post(w.me, 0, form, in.Text, media...)
	p["warning"] = in.Warning
	if in.Pass != nil {
		layer(p, in.Pass.Operation, w.find(in.Pass.ID))
	}
	if in.Reply != nil {
		p["form"], p["of"] = "comment", in.Reply.ID
	}
	w.posts = append([]object{p}, w.posts...)
	w.mine++
	answer(rw, p)
}

func (w *world) deletePost(rw http.ResponseWriter, r *http.Request) {
	for i, p := range w.posts {
		if p["id"] == r.PathValue("id") {
			w.posts = append(w.posts[:i:i], w.posts[i+1:]...)
			break
		}
	}
	rw.WriteHeader(http.StatusNoContent)
}

func (w *world) importBlob(rw http.ResponseWriter, r *http.Request) {
	kind := r.Header.Get("Content-Type")
	if !strings.HasPrefix(kind, "image/") && !strings.HasPrefix(kind, "video/") && !strings.HasPrefix(kind, "audio/") {
		refuse(rw, http.StatusUnsupportedMediaType, "media", "That is not a picture, a clip or a sound that mural knows.", "JPEG, PNG, WebP, MP4, WebM, M4A and Ogg are fine.")
		return
	}
	m := w.media(kind, drain(r), 1000, 750, 0, "")
	m["stripped"] = []string{"GPS position", "camera serial number"}
	answer(rw, m)
}

func (w *world) byID(id string) object {
	for _, p := range w.people {
		if p["npub"] == id || p["pubkey"] == id {
			return p
		}
	}
	return nil
}

func (w *world) personPage(rw http.ResponseWriter, r *http.Request) {
	p := w.byID(r.PathValue("id"))
	if p == nil {
		refuse(rw, http.StatusNotFound, "not-found", "Nobody by this key is known here.", "Ask them for an invitation.")
		return
	}
	out := []object{}
	for _, q := range w.posts {
		if q["author"].(object)["pubkey"] == p["pubkey"] {
			out = append(out, q)
		}
	}
	answer(rw, object{"person": p, "posts": out, "next": ""})
}

func (w *world) follow(rw http.ResponseWriter, r *http.Request, on bool) {
	p := w.byID(r.PathValue("id"))
	p["following"] = on
	if on {
		p["trust"] = "following"
	}
	answer(rw, p)
}

func (w *world) nearby() object {
	return object{"choice": w.choice, "network": "Wi-Fi at home (192.168.1.0/24)", "network_id": "n1", "peers": w.peers()}
}

func (w *world) setNearby(rw http.ResponseWriter, r *http.Request) {
	var in struct{ On bool }
	_ = json.Unmarshal(drain(r), &in) // off is the safe reading of nonsense
	w.choice = map[bool]string{true: "on", false: "off"}[in.On]
	answer(rw, w.nearby())
}

func (w *world) peers() []object {
	if w.choice != "on" {
		return []object{}
	}
	out := []object{}
	for i, p := range w.people[4:] {
		out = append(out, object{"peer_id": "12D3KooW" + p["pubkey"].(string)[:24], "person": short(p), "connected": i != 1, "nearby": i > 1, "since_ms": w.now.UnixMilli(),
			"last_seen_ms": w.now.Add(-40 * time.Minute).UnixMilli(), "bytes_in": 1200000 * (i + 1), "bytes_out": 340000 * (i + 2), "transport": "tcp", "addresses": []string{}})
	}
	return out
}

func (w *world) invite(rw http.ResponseWriter, r *http.Request) {
	code := "mural1" + hash("invite") + hash("more")
	link := "http://" + r.Host + "/#join=" + code
	c, err := qr.Encode(link, qr.M)
	if err != nil {
		refuse(rw, http.StatusInternalServerError, "qr", err.Error(), "")
		return
	}
	var path strings.Builder
	for y := range c.Size {
		for x := range c.Size {
			if c.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d"><path d="%s"/></svg>`, c.Size, c.Size, path.String())
	answer(rw, object{"link": link, "code": code, "qr_svg": svg, "qr_text": ""})
}

func (w *world) nodeBody() object {
	return object{"version": "0.0.0", "go": "go1.26", "node_id": "12D3KooWMock7xYz", "home": "/home/ana/.mural", "uptime_ms": 5*3600_000 + 12*60_000, "events": 18423, "blobs": 912, "blob_bytes": 3_900_000_000,
		"disk_free_bytes": 81_000_000_000, "db_bytes": 44_000_000, "kept_for_others": object{"events": 9120, "blobs": 301, "bytes": 1_240_000_000, "people": 7}, "peers": 3,
		"traffic": object{"in": 734_000_000, "out": 1_310_000_000}, "rss_bytes": 61_000_000, "cpu_seconds": 38.2, "relay_url": "ws://localhost:4880", "origins": w.origins, "waiting_origins": w.waiting,
		"checks": []object{{"name": "ffmpeg", "ok": false, "what": "Clips keep their original form; no poster frames.", "next": "sudo apt install ffmpeg"}, {"name": "disk", "ok": true, "what": "81 GB free.", "next": ""}, {"name": "clock", "ok": true, "what": "Agrees with your peers within a second.", "next": ""}}}
}

func (w *world) allow(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Origin string
		Allow  bool
	}
	_ = json.Unmarshal(drain(r), &in) // nothing is allowed by nonsense
	kept := []object{}
	for _, o := range w.origins {
		if o["origin"] != in.Origin {
			kept = append(kept, o)
		}
	}
	w.origins, w.waiting = append(kept, object{"origin": in.Origin, "allowed": in.Allow}), []string{}
	answer(rw, object{"origins": w.origins})
}
