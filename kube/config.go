package kube

import (
	"errors"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/util/flowcontrol"
)

// Config is what the flags say of the API server.
type Config struct {
	// Kubeconfig is the file of --kubeconfig, and Context the context in it; both may
	// be empty.
	Kubeconfig, Context string
	// QPS and Burst bound the requests, but for watches and the lease.
	QPS   float64
	Burst int
	// UserAgent is what the API server is told of who asks.
	UserAgent string
}

// rest returns the configuration of client-go, and the namespace that it is of.
func (c Config) rest() (*rest.Config, string, error) {
	config, namespace, err := c.load()
	if err != nil {
		return nil, "", err
	}
	rereadToken(config)
	config.UserAgent = c.UserAgent
	config.DisableCompression = true // the server is near, and gzip costs more than it saves
	// The server's warnings are about objects that are not ours to mend, and may
	// quote them (I8).
	config.WarningHandler = rest.NoWarnings{}
	config.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(float32(c.QPS), c.Burst)
	return config, namespace, nil
}

// rereadToken has a token that the server refuses read from its file again for the next
// request. client-go by itself reads it once in 50 s, whatever the server says of it.
func rereadToken(config *rest.Config) {
	if config.BearerTokenFile == "" {
		return
	}
	config.Wrap(transport.ResettableTokenSourceWrapTransport(transport.NewCachedFileTokenSource(config.BearerTokenFile)))
	config.BearerToken, config.BearerTokenFile = "", ""
}

// load finds the configuration: that of --kubeconfig, of $KUBECONFIG, of the
// cluster that the process runs in, of ~/.kube/config, in this order.
func (c Config) load() (*rest.Config, string, error) {
	if c.Kubeconfig == "" && c.Context == "" && os.Getenv(clientcmd.RecommendedConfigPathEnvVar) == "" {
		if config, err := rest.InClusterConfig(); err == nil {
			return config, inClusterNamespace(), nil
		} else if !errors.Is(err, rest.ErrNotInCluster) {
			return nil, "", fmt.Errorf("can't use the service account of this Pod: %w", err)
		}
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.Kubeconfig
	given := fmt.Sprintf("value %q for --kubeconfig", c.Kubeconfig)
	if c.Kubeconfig == "" {
		given = fmt.Sprintf("value %q for $%s", os.Getenv(clientcmd.RecommendedConfigPathEnvVar), clientcmd.RecommendedConfigPathEnvVar)
	}
	files, err := rules.Load()
	if err != nil {
		return nil, "", fmt.Errorf("invalid %s: it takes a file that kubectl can use too: %w", given, err)
	}
	if _, known := files.Contexts[c.Context]; c.Context != "" && !known {
		return nil, "", fmt.Errorf("invalid value %q for --context: it takes a context of the kubeconfig", c.Context)
	}
	loaded := clientcmd.NewDefaultClientConfig(*files, &clientcmd.ConfigOverrides{CurrentContext: c.Context})
	config, err := loaded.ClientConfig()
	switch {
	case err == nil:
	case clientcmd.IsEmptyConfig(err) && c.Kubeconfig == "" && c.Context == "":
		return nil, "", errors.New("no cluster is configured: give --kubeconfig or $KUBECONFIG, or run it in a cluster")
	case c.Context != "":
		return nil, "", fmt.Errorf("invalid value %q for --context: it takes a context with a cluster and a user: %w", c.Context, err)
	default:
		return nil, "", fmt.Errorf("invalid %s: it takes a file that kubectl can use too: %w", given, err)
	}
	namespace, _, err := loaded.Namespace()
	return config, namespace, err
}

// inClusterNamespace reads where the Pod runs from its service account's files.
func inClusterNamespace() string {
	name, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if err != nil {
		return metav1.NamespaceDefault
	}
	return string(name)
}
