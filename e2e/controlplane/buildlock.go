package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lock takes a lock that holds between processes, and returns what gives it
// back. It calls waiting once if somebody else holds it. The kernel gives back
// the lock of a process that dies.
func lock(ctx context.Context, file string, waiting func()) (func(), error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a file in our own cache folder
	if err != nil {
		return nil, fmt.Errorf("open the build lock: %w", err)
	}
	told := false
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("take the build lock %s: %w", file, err)
		}
		if !told {
			waiting()
			told = true
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("wait for the build lock %s: %w", file, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}
