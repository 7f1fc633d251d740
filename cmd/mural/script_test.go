//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mural/internal/testkit"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mural": main})
}

// TestScripts types commands and reads what they say. Each script has a home,
// ports and a working folder of its own; without `mural run &` no node runs.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: func(e *testscript.Env) error { setup(t, e); return nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"photo": photo, "voice": voice, "field": field, "await-node": awaitNode, "mode": mode, "cut": cut, "spoil": spoil,
		},
		UpdateScripts: os.Getenv("UPDATE") != "",
	})
}

func setup(t *testing.T, e *testscript.Env) {
	for _, name := range []string{"PORT", "PEER_PORT", "PORT2", "PEER_PORT2"} {
		e.Setenv(name, fmt.Sprint(testkit.FreePort(t)))
	}
	e.Setenv("MURAL_PORT", e.Getenv("PORT"))
	e.Setenv("MURAL_HOME", filepath.Join(e.WorkDir, "home"))
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("TZ", "UTC")
}

// photo writes a JPEG that says where it was taken: photo FILE.
func photo(ts *testscript.TestScript, _ bool, args []string) {
	write(ts, args, testkit.Photo(&testing.T{}, 1).Data)
}

// voice writes a WAV: voice FILE.
func voice(ts *testscript.TestScript, _ bool, args []string) {
	write(ts, args, testkit.Voice().Data)
}

func write(ts *testscript.TestScript, args []string, data []byte) {
	if len(args) != 1 {
		ts.Fatalf("a file name is missing")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// field keeps a part of the JSON that the last command printed: field NAME a.0.b.
func field(ts *testscript.TestScript, _ bool, args []string) {
	var at any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &at); err != nil {
		ts.Fatalf("the last command printed no JSON: %v", err)
	}
	for part := range strings.SplitSeq(args[1], ".") {
		var i int
		switch v := at.(type) {
		case map[string]any:
			at = v[part]
		case []any:
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(v) {
				ts.Fatalf("%s: there is no element %q", args[1], part)
			}
			at = v[i]
		}
	}
	if at == nil {
		ts.Fatalf("there is no %s in %s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], fmt.Sprint(at))
}

// awaitNode waits until the node of a home answers: await-node [HOME].
func awaitNode(ts *testscript.TestScript, _ bool, args []string) {
	home := ts.Getenv("MURAL_HOME")
	if len(args) > 0 {
		home = ts.MkAbs(args[0])
	}
	e := &env{ctx: context.Background(), cli: &cli{Home: home}}
	for end := time.Now().Add(testkit.Patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := e.running(); err == nil {
			return
		} else if time.Now().After(end) {
			ts.Fatalf("the node of %s does not answer: %v", home, err)
		}
	}
}

// mode checks the permissions of a file: mode 0600 FILE.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	st, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", st.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// cut keeps the first bytes of a file: cut FILE 1000.
func cut(ts *testscript.TestScript, _ bool, args []string) {
	var n int64
	_, err := fmt.Sscan(args[1], &n)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// spoil changes the file of that name below a folder: spoil DIR NAME.
func spoil(ts *testscript.TestScript, _ bool, args []string) {
	found := false
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() != args[1] {
			return err
		}
		found = true
		return os.WriteFile(path, []byte("something else"), 0o600)
	}))
	if !found {
		ts.Fatalf("no file %s below %s", args[1], args[0])
	}
}
