package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// dir is the folder that holds all files of one control plane.
type dir string

func (d dir) file(name string) string { return filepath.Join(string(d), name) }

// socketURL is where etcd listens: a socket needs no port, and nobody else can
// reach it.
func (d dir) socketURL(name string) string { return "unix://" + d.file(name) }

// newDir makes the folder and the files that the components read at their
// start.
func newDir(parent, auditPolicy string) (dir, error) {
	path, err := os.MkdirTemp(parent, "kubemirror-")
	if err != nil {
		return "", fmt.Errorf("make the control plane's folder: %w", err)
	}
	d := dir(path)
	if socket := d.file("etcd.sock"); len(socket) > 103 { // what the smallest system takes as a socket's path
		_ = os.RemoveAll(path)
		return "", fmt.Errorf("the path %s is too long for a socket; set TMPDIR to a shorter folder", socket)
	}
	if err := os.WriteFile(d.file("audit-policy.yaml"), []byte(auditPolicy), 0o600); err != nil {
		_ = os.RemoveAll(path)
		return "", fmt.Errorf("write the audit policy: %w", err)
	}
	return d, nil
}

// etcdArgs: a store of one member, that listens on sockets alone and does not
// wait for the disk.
func etcdArgs(d dir) []string {
	return []string{
		"--name=local",
		"--data-dir=" + d.file("etcd"),
		"--listen-client-urls=" + d.socketURL("etcd.sock"),
		"--advertise-client-urls=" + d.socketURL("etcd.sock"),
		"--listen-peer-urls=" + d.socketURL("peer.sock"),
		"--initial-advertise-peer-urls=http://localhost:2380", // a name for itself that nobody ever calls
		"--initial-cluster=local=http://localhost:2380",
		"--unsafe-no-fsync",
		"--quota-backend-bytes=8589934592", // benchmarks fill more than the default 2 GB
		"--log-level=warn",
	}
}

// apiServerArgs: as in a cluster, with RBAC, but for what needs nodes.
func apiServerArgs(d dir, port int, o Options) []string {
	return append([]string{
		"--etcd-servers=" + d.socketURL("etcd.sock"),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--permit-port-sharing=true", // with our hold on the port
		"--cert-dir=" + d.file("certificates"),
		"--tls-cert-file=" + d.file("server.crt"),
		"--tls-private-key-file=" + d.file("server.key"),
		"--client-ca-file=" + d.file("ca.crt"),
		"--authorization-mode=RBAC",
		"--disable-admission-plugins=ServiceAccount", // pods never run here, so nothing needs a token mounted
		"--endpoint-reconciler-type=none",            // would publish a loopback address, which is refused
		"--service-cluster-ip-range=10.0.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + d.file("service-accounts.key"),
		"--service-account-signing-key-file=" + d.file("service-accounts.key"),
		"--audit-policy-file=" + d.file("audit-policy.yaml"),
		"--audit-log-path=" + d.file("audit.log"),
		"--audit-log-mode=blocking",    // package audit counts on it
		"--audit-log-maxsize=16777216", // MB: never rotate
		"--v=" + strconv.Itoa(o.Verbosity),
	}, o.APIServerFlags...)
}

// controllerManagerArgs: only the controllers without which the API server's
// own promises don't hold, namespaces that finish terminating first of all.
func controllerManagerArgs(d dir, kubeconfig string, o Options) []string {
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--controllers=namespace-controller,garbage-collector-controller,serviceaccount-controller,clusterrole-aggregation-controller",
		"--leader-elect=false",
		"--secure-port=0",
		"--cert-dir=" + d.file("certificates"),
		"--kube-api-qps=500", // deleting a namespace is a hundred requests
		"--kube-api-burst=1000",
		"--concurrent-namespace-syncs=50", // tests leave theirs behind in numbers
		"--v=" + strconv.Itoa(o.Verbosity),
	}
}
