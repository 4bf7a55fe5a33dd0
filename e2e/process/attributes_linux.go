package process

import "syscall"

// attributes of every child: killed by the kernel when we die, however we die,
// and in a process group of its own, so that a Ctrl-C on the terminal reaches
// us alone and we choose the order in which things stop.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
