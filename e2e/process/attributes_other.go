//go:build !linux

package process

import "syscall"

// attributes of every child: a process group of its own, so that a Ctrl-C on
// the terminal reaches us alone and we choose the order in which things stop.
// Only Linux can also end a child with its parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
