package blob

import (
	"bytes"
	"testing"
)

func FuzzParseList(f *testing.F) {
	for _, n := range []int{0, 1, 31, 32, 33, 64, MaxListBytes, MaxListBytes + 32} {
		f.Add(noise(40, n))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := ParseList(raw)
		if (err == nil) != (len(raw)%HashBytes == 0 && len(raw) <= MaxListBytes) {
			t.Fatalf("%d bytes: %v", len(raw), err)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(l.Bytes(), raw) || l.Hash() != Sum(raw) || l.Len() != len(raw)/HashBytes {
			t.Fatal("the list is not what was parsed")
		}
		for i := range l.Len() {
			if c := l.Chunk(i); !bytes.Equal(c[:], raw[i*HashBytes:(i+1)*HashBytes]) {
				t.Fatalf("chunk %d", i)
			}
		}
		if l.Len() > 0 && (!l.Fits(int64(l.Len())*ChunkSize) || l.Fits(int64(l.Len())*ChunkSize+1)) {
			t.Fatal("Fits is wrong")
		}
	})
}

func FuzzParseSidecar(f *testing.F) {
	f.Add([]byte(`{"type":"video/mp4","at_ms":1700000000000,"chunks":"` + Sum(nil).String() + `"}`))
	f.Add([]byte(`{"type":"text/html\r\nX-Evil: 1"}`))
	f.Add([]byte(`{"chunks":"zz"}`))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		sc := parseSidecar(raw)
		if len(sc.Type) > MaxTypeBytes || bytes.ContainsAny([]byte(sc.Type), "\r\n\x00") {
			t.Fatalf("type %q", sc.Type)
		}
	})
}

func FuzzParsePartialName(f *testing.F) {
	f.Add(partialName(Sum(nil), Sum([]byte("x")), 12345))
	f.Add("a.b.c")
	f.Add("../../etc/passwd")
	f.Fuzz(func(t *testing.T, name string) {
		pi, ok := parsePartialName(name)
		if ok && partialName(pi.File, pi.List, pi.Size) != name {
			t.Fatalf("%q does not come back", name)
		}
	})
}

func FuzzParseHash(f *testing.F) {
	f.Add(Sum(nil).String())
	f.Add("E3B0")
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := ParseHash(s); err == nil && h.String() != s {
			t.Fatalf("%q became %s", s, h)
		}
	})
}
