package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"mural/blob"
	"mural/media"
	"mural/web"
)

// shown says whether a type is picture, sound or film, and no active content.
func shown(mime string) bool {
	return family(mime) != "" && !media.Active(mime)
}

func family(mime string) string {
	f, _, _ := strings.Cut(mime, "/")
	if f == "image" || f == "audio" || f == "video" {
		return f
	}
	return ""
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }

// Thumb opens a picture of a blob at most width pixels wide, made once and kept
// in cache/. fs.ErrNotExist where none can be made.
func (n *Node) Thumb(ctx context.Context, h web.Hash, width int) (io.ReadSeekCloser, string, error) {
	name := n.home.path("cache", fmt.Sprintf("%s-%d.thumb", h, width))
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = n.makeThumb(ctx, blob.Hash(h), width, name); err == nil {
			f, err = os.Open(name)
		}
	}
	if err != nil {
		return nil, "", err
	}
	mime, err := sniffFile(f)
	if err != nil {
		f.Close()
		return nil, "", err
	}
	return f, mime, nil
}

func sniffFile(f *os.File) (string, error) {
	head := make([]byte, 64)
	k, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	mime, _ := media.Sniff(head[:k])
	return mime, nil
}

func (n *Node) makeThumb(ctx context.Context, h blob.Hash, width int, name string) error {
	path, err := n.blobs.Path(h)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(n.home.path("tmp"), "thumb-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	err = errors.Join(media.Thumbnail(ctx, path, width, tmp), tmp.Close())
	n.rest.afterPicture()
	if errors.Is(err, media.ErrNoFFmpeg) || errors.Is(err, media.ErrUnsupported) || errors.Is(err, media.ErrMalformed) || errors.Is(err, media.ErrTooLarge) {
		return fmt.Errorf("no picture of it can be made (%w): %w", err, fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
