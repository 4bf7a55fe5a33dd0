package controlplane

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// port is a TCP port on loopback that is ours until close: no other process is
// given it, not even while the server that uses it is down.
//
// The API server refuses to pick a port itself, and one that we find free may
// be taken before it binds. So we bind a port and keep it, in the mode where
// another process of the same user may bind it too, if it asks for it
// (SO_REUSEPORT; the server's --permit-port-sharing). We never listen:
// connections go to the server, or are refused while there is none.
type port struct {
	number int
	socket int
}

// reservePort takes a free port.
func reservePort() (port, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return port{}, fmt.Errorf("reserve a port: %w", err)
	}
	unix.CloseOnExec(socket)
	p := port{socket: socket}
	if p.number, err = bindShared(socket); err != nil {
		p.close()
		return port{}, fmt.Errorf("reserve a port on loopback: %w", err)
	}
	return p, nil
}

// bindShared binds the socket to a port that the system picks.
func bindShared(socket int) (int, error) {
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return 0, err
	}
	if err := unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	name, err := unix.Getsockname(socket)
	if err != nil {
		return 0, err
	}
	address, ok := name.(*unix.SockaddrInet4)
	if !ok {
		return 0, fmt.Errorf("the socket is bound to a %T", name)
	}
	return address.Port, nil
}

// close gives the port back.
func (p port) close() { _ = unix.Close(p.socket) }
