package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// between measures from "post" on A to its standing on B's open mural: signed,
// stored on both disks, verified, shown.
func between(ctx context.Context, bin, dir string, posts int) ([]row, error) {
	a, err := person(ctx, bin, filepath.Join(dir, "a"), "Ana")
	if err != nil {
		return nil, err
	}
	defer a.stop()
	b, err := person(ctx, bin, filepath.Join(dir, "b"), "Ben")
	if err != nil {
		return nil, err
	}
	defer b.stop()
	if err := meet(ctx, a, b); err != nil {
		return nil, err
	}
	seen, err := listen(ctx, b)
	if err != nil {
		return nil, err
	}
	var total []time.Duration
	for i := range posts {
		took, err := travel(ctx, a, seen, fmt.Sprintf("post number %d", i))
		if err != nil {
			return nil, err
		}
		total = append(total, took)
	}
	sync, err := syncTime(dir)
	if err != nil {
		return nil, err
	}
	return []row{{fmt.Sprintf("post on A to B's open mural (%d posts, loopback), p50 / p95", posts),
		ms(percentile(total, 50)) + " / " + ms(percentile(total, 95)), "two durable writes of 1 kB, p50: " + ms(2*sync), ratio(percentile(total, 50), 2*sync)}}, nil
}

func person(ctx context.Context, bin, home, name string) (*process, error) {
	p, err := launch(ctx, bin, home)
	if err != nil {
		return nil, err
	}
	return p, p.call(ctx, http.MethodPost, "/api/person", map[string]string{"name": name}, nil)
}

// meet lets b join by a's invitation.
func meet(ctx context.Context, a, b *process) error {
	var inv struct {
		Code string `json:"code"`
	}
	if err := a.call(ctx, http.MethodPost, "/api/invite", struct{}{}, &inv); err != nil {
		return err
	}
	var joined struct {
		Connected bool `json:"connected"`
	}
	if err := b.call(ctx, http.MethodPost, "/api/join", map[string]string{"link": inv.Code}, &joined); err != nil {
		return err
	}
	if !joined.Connected {
		return errors.New("one node could not reach the other")
	}
	time.Sleep(2 * time.Second) // the first reconciliation
	return nil
}

// listen opens B's live stream and gives the ids of posts as they come.
func listen(ctx context.Context, b *process) (<-chan string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/api/live", b.port), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+b.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	ids := make(chan string, 64)
	go func() {
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for post := false; lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				post = name == "post"
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && post {
				var p struct {
					ID string `json:"id"`
				}
				if json.Unmarshal([]byte(data), &p) == nil {
					ids <- p.ID
				}
			}
		}
	}()
	return ids, nil
}

const travelLimit = 10 * time.Second

func travel(ctx context.Context, a *process, seen <-chan string, text string) (time.Duration, error) {
	began := time.Now()
	var post struct {
		ID string `json:"id"`
	}
	if err := a.call(ctx, http.MethodPost, "/api/posts", map[string]any{"text": text, "media": []any{}}, &post); err != nil {
		return 0, err
	}
	for deadline := time.After(travelLimit); ; {
		select {
		case id := <-seen:
			if id == post.ID {
				return time.Since(began), nil
			}
		case <-deadline:
			return 0, fmt.Errorf("a post did not reach B within %s", travelLimit)
		}
	}
}
