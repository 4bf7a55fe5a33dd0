package controlplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Admins is the group that may do everything.
const Admins = "system:masters"

// RESTConfig is a client's configuration for a user of these groups. The user
// need not be known before; what they may do is what RBAC gives to their name
// and groups (see Admins). It does not limit the client's rate.
func (c *ControlPlane) RESTConfig(user string, groups ...string) (*rest.Config, error) {
	pair, err := c.authority.client(user, groups)
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host: c.URL(),
		TLSClientConfig: rest.TLSClientConfig{
			CAData:   c.authority.pem,
			CertData: pair.certificate,
			KeyData:  pair.key,
		},
		QPS: -1,
	}, nil
}

// Kubeconfig writes a kubeconfig file for a user of these groups and returns
// its path. The file lasts until Stop; one for the same user is replaced as a whole, for
// somebody may be reading it.
func (c *ControlPlane) Kubeconfig(user string, groups ...string) (string, error) {
	pair, err := c.authority.client(user, groups)
	if err != nil {
		return "", err
	}
	// A colon would end the path in $KUBECONFIG.
	path := c.dir.file("kubeconfig-" + strings.NewReplacer(":", "-", "/", "-").Replace(user))
	config := clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{
			"local": {Server: c.URL(), CertificateAuthorityData: c.authority.pem},
		},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{
			user: {ClientCertificateData: pair.certificate, ClientKeyData: pair.key},
		},
		Contexts: map[string]*clientcmdapi.Context{
			"local": {Cluster: "local", AuthInfo: user},
		},
		CurrentContext: "local",
	}
	text, err := clientcmd.Write(config)
	if err != nil {
		return "", fmt.Errorf("encode the kubeconfig of %s: %w", user, err)
	}
	if err := replace(path, text); err != nil {
		return "", fmt.Errorf("write the kubeconfig of %s: %w", user, err)
	}
	return path, nil
}

// replace puts a file that only we may read in the place of what is there, at once.
func replace(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
