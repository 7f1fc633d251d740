package blob

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// putForever is what the process does that TestKillLeavesNothingHalf kills: it
// stores blobs and says the name of each that Put acknowledged.
func putForever(dir string) {
	s, err := Open(dir, Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for n := uint64(0); ; n++ {
		size := int(n%5)*ChunkSize + int(n)
		r := slowly{bytes.NewReader(noise(n, size))}
		info, err := s.Put(context.Background(), r, PutOptions{Type: "video/mp4"})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(info.Hash)
	}
}

// slowly gives a little at a time, so that most kills come in the middle.
type slowly struct{ r io.Reader }

func (s slowly) Read(p []byte) (int, error) {
	time.Sleep(100 * time.Microsecond)
	return s.r.Read(p[:min(len(p), 32<<10)])
}

func TestMain(m *testing.M) {
	if dir := os.Getenv("MURAL_BLOB_PUT_FOREVER"); dir != "" {
		putForever(dir)
	}
	os.Exit(m.Run())
}

func TestKillLeavesNothingHalf(t *testing.T) {
	dir := t.TempDir()
	var acknowledged []Hash
	for round := range 8 {
		acknowledged = append(acknowledged, killWhilePutting(t, dir, 3+round*2)...)
		s := openAt(t, dir, Options{})
		if left := tempFiles(t, s); len(left) != 0 {
			t.Errorf("round %d: left in tmp: %v", round, left)
		}
		for info, err := range s.All(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			whole, err := os.ReadFile(s.file(info.Hash))
			if err != nil || Sum(whole) != info.Hash || info.Type == "" {
				t.Errorf("round %d: %s is visible and wrong: %d bytes, %+v, %v", round, info.Hash, len(whole), info, err)
			}
		}
		for _, h := range acknowledged {
			if _, err := readAll(s, h); err != nil {
				t.Errorf("round %d: %s was acknowledged and is lost: %v", round, h, err)
			}
		}
	}
	if len(acknowledged) == 0 {
		t.Fatal("nothing was stored before the kills: the test shows nothing")
	}
}

// killWhilePutting gives the names that the process said before it was killed
// in the middle of what came after the n-th.
func killWhilePutting(t *testing.T, dir string, n int) []Hash {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MURAL_BLOB_PUT_FOREVER="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []Hash
	for lines := bufio.NewScanner(out); lines.Scan(); {
		h, err := ParseHash(lines.Text())
		if err != nil {
			t.Fatalf("the process said %q", lines.Text())
		}
		if said = append(said, h); len(said) == n {
			cmd.Process.Kill() // SIGKILL
		}
	}
	_ = cmd.Wait() // it was killed
	return slices.Clip(said)
}
