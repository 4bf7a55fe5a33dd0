package metrics

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/klog/v2"
)

// rereadInterval is how often files are looked at for a new certificate, at most:
// only a handshake looks.
const rereadInterval = 10 * time.Second

// Certificate is what the server shows to clients. Make one with ReadCertificate
// or SelfSigned.
type Certificate struct {
	certFile, keyFile string // empty where it is not from files

	mu   sync.Mutex
	pair *tls.Certificate
	read time.Time
}

// ReadCertificate takes the certificate from two PEM files, and takes it anew when
// they change. No error holds anything of the files.
func ReadCertificate(certFile, keyFile string) (*Certificate, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	return &Certificate{certFile: certFile, keyFile: keyFile, pair: &pair, read: time.Now()}, nil
}

// SelfSigned makes a certificate that nobody can verify: the connection is private
// to those who don't ask with whom it is.
func SelfSigned() (*Certificate, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	certificate, key, err := cert.GenerateSelfSignedCertKey(host, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for the metrics: %w", err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for the metrics: %w", err)
	}
	return &Certificate{pair: &pair}, nil
}

// current is the certificate for a handshake now. Files that don't fit each other,
// as in the middle of a change, leave the last one that did.
func (c *Certificate) current(logger klog.Logger) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.certFile == "" || time.Since(c.read) < rereadInterval {
		return c.pair
	}
	c.read = time.Now()
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		logger.Error(err, "Can't read the certificate anew; the last one is served on. Check the two files", "certificate", c.certFile, "key", c.keyFile)
		return c.pair
	}
	if !pair.Leaf.Equal(c.pair.Leaf) {
		logger.Info("Serving a new certificate", "certificate", c.certFile, "expires", pair.Leaf.NotAfter)
	}
	c.pair = &pair
	return c.pair
}
