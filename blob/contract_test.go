package blob_test

import (
	"context"
	"testing"

	"mural/blob"
	"mural/blob/blobtest"
)

// disk is the store with Open as the contract has it.
type disk struct{ *blob.Store }

func (d disk) Open(ctx context.Context, h blob.Hash) (blobtest.Reader, error) {
	f, err := d.Store.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func TestDiskKeepsTheContract(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blobtest.Store {
		s, err := blob.Open(t.TempDir(), blob.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return disk{s}
	})
}
