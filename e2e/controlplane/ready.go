package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// etcdHealthy asks etcd whether it serves.
func (c *ControlPlane) etcdHealthy(ctx context.Context) error {
	return get(ctx, "http://localhost/health", c.etcdTransport())
}

// Healthy asks the API server whether it is ready: its own start-up
// work, default roles and namespaces among it, is done then.
func (c *ControlPlane) Healthy(ctx context.Context) error {
	roots := x509.NewCertPool()
	roots.AddCert(c.authority.certificate)
	return get(ctx, c.URL()+"/readyz", &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	})
}

// get wants a 200; the error shows the answer otherwise.
func get(ctx context.Context, url string, transport *http.Transport) error {
	transport.DisableKeepAlives = true // one question each
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	body, _ := io.ReadAll(response.Body) // as much as there is to show
	return fmt.Errorf("%s: %s: %s", url, response.Status, strings.TrimSpace(string(body)))
}
