package store

import (
	"fmt"
	"syscall"
)

func mountSmall(dir string, size int) (unmount func() error, err error) {
	err = syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	return func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) }, err
}
