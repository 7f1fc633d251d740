//go:build !linux

package store

import "errors"

func mountSmall(string, int) (func() error, error) {
	return nil, errors.ErrUnsupported
}
