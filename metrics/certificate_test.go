package metrics

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/klog/v2/textlogger"
)

// pair writes a certificate for a host, and its key, over two files.
func pair(t *testing.T, certFile, keyFile, host string) {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey(host, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, certFile, certificate)
	write(t, keyFile, key)
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil { //nolint:gosec // a file of the test
		t.Fatal(err)
	}
}

func TestAChangedCertificateIsServedWithoutARestart(t *testing.T) {
	certFile, keyFile := filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
	pair(t, certFile, keyFile, "first")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(&log)))
		c, err := ReadCertificate(certFile, keyFile)
		if err != nil {
			t.Fatal(err)
		}
		expect := func(when, host string) {
			t.Helper()
			if err := c.current(logger).Leaf.VerifyHostname(host); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
		expect("at first", "first")
		pair(t, certFile, keyFile, "second")
		expect("files are not read at every handshake", "first")
		time.Sleep(rereadInterval)
		expect("after the change", "second")

		old, err := os.ReadFile(keyFile)
		if err != nil {
			t.Fatal(err)
		}
		pair(t, certFile, keyFile, "third")
		key, err := os.ReadFile(keyFile)
		if err != nil {
			t.Fatal(err)
		}
		write(t, keyFile, old)
		time.Sleep(rereadInterval)
		expect("in the middle of a change", "second")
		if got := log.String(); !strings.Contains(got, certFile) || strings.Contains(got, "PRIVATE") {
			t.Errorf("the log says %q", got)
		}
		write(t, keyFile, key)
		time.Sleep(rereadInterval)
		expect("after it", "third")
	})
}

func TestSecureMetricsAreServedByTLSAndHTTP1AndProbesPlainly(t *testing.T) {
	certificate, err := SelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	api := &apiServer{users: map[string]string{"token": "prometheus"}, readers: map[string]bool{"prometheus": true}}
	urls := serve(t, Endpoints{MetricsAddress: "127.0.0.1:0", ProbeAddress: "localhost:0", Secure: &Secure{certificate, Review{api, api}}})
	url := strings.Replace(urls[0], "http:", "https:", 1) + "/metrics"

	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // the certificate is self-signed
	defer client.CloseIdleConnections()
	for token, want := range map[string]int{"token": http.StatusOK, "other": http.StatusUnauthorized} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want || response.ProtoMajor != 1 || response.TLS.Version < tls.VersionTLS12 {
			t.Errorf("%s answers %d by %s", url, response.StatusCode, response.Proto)
		}
	}
	if status, _ := get(t, urls[0]+"/metrics"); status != http.StatusBadRequest {
		t.Errorf("by plain HTTP it answers %d", status)
	}
	if status, _ := get(t, urls[1]+"/readyz"); status != http.StatusOK {
		t.Errorf("the probe answers %d", status)
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11} //nolint:gosec // it is to be refused
	if c, err := tls.Dial("tcp", strings.TrimPrefix(urls[0], "http://"), old); err == nil {
		_ = c.Close()
		t.Error("it speaks TLS 1.1")
	}
}

func TestFilesThatAreNoCertificateAreAnErrorThatHoldsNothingOfThem(t *testing.T) {
	const certFile, keyFile = "tls.crt", "tls.key"
	t.Chdir(t.TempDir())
	if _, err := ReadCertificate(certFile, keyFile); err == nil {
		t.Error("files that are not there are taken")
	}
	write(t, certFile, []byte("s3cr3t"))
	write(t, keyFile, []byte("s3cr3t"))
	if _, err := ReadCertificate(certFile, keyFile); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("files that are no certificate are told as %v", err)
	}
}
