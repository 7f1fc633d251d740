package blossom

import (
	"crypto/sha256"
	"hash"
	"io"
	"net/http"
	"time"

	"mural/blob"
	"mural/event"
)

// body reads an upload, and ends in an error instead of io.EOF where the bytes
// are not those announced: so nothing is stored, whoever reads it.
type body struct {
	r       io.Reader
	sum     hash.Hash
	want    blob.Hash // zero = any that the token covers
	token   *event.Event
	control *http.ResponseController
}

func newBody(w http.ResponseWriter, r *http.Request, token *event.Event, want blob.Hash) *body {
	return &body{r: r.Body, sum: sha256.New(), want: want, token: token, control: http.NewResponseController(w)}
}

func (b *body) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(IdleTimeout)) // not every connection has deadlines
	n, err := b.r.Read(p)
	b.sum.Write(p[:n])
	if err != nil {
		// What is done with the bytes afterwards may take longer than the next one would.
		_ = b.control.SetReadDeadline(time.Time{})
	}
	if err == io.EOF {
		err = b.end()
	}
	return n, err
}

// end says io.EOF where the whole is what the token was made for.
func (b *body) end() error {
	got := blob.Hash(b.sum.Sum(nil))
	if !b.want.IsZero() && got != b.want {
		return refuse(http.StatusConflict, "The body does not have the SHA-256 of X-SHA-256.")
	}
	if !covers(b.token, got) {
		return notCovered()
	}
	return io.EOF
}
