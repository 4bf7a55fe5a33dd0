package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/flowcontrol"
)

// clients are all ways to the API server. They share one HTTP client and one rate
// limit; watches are not limited, and neither is the lease.
type clients struct {
	config   *rest.Config
	http     *http.Client
	dynamic  dynamic.Interface
	metadata metadata.Interface
	// namespace is the one that the process runs in, as far as the config tells.
	namespace string
}

// serverTimeout is how long to wait at start for an API server that answers.
const serverTimeout = 30 * time.Second

// connect reads the configuration of the cluster and makes the clients. It sends
// nothing yet. An error is one of usage.
func connect(o *options) (*clients, error) {
	config, namespace, err := loadConfig(o)
	if err != nil {
		return nil, err
	}
	config.UserAgent = "kubemirror/" + version()
	config.DisableCompression = true // the server is near, and gzip costs more than it saves
	config.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(float32(o.qps), o.burst)
	c := &clients{config: config, namespace: namespace}
	if err := c.dial(); err != nil {
		return nil, fmt.Errorf("invalid value %q for --kubeconfig: can't use what it says of the API server: %w", o.kubeconfig, err)
	}
	return c, nil
}

func (c *clients) dial() (err error) {
	if c.http, err = rest.HTTPClientFor(c.config); err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(c.config, c.http); err != nil {
		return err
	}
	c.metadata, err = metadata.NewForConfigAndClient(c.config, c.http)
	return err
}

// loadConfig finds the configuration: that of --kubeconfig, of $KUBECONFIG, of the
// cluster that the process runs in, of ~/.kube/config, in this order.
func loadConfig(o *options) (*rest.Config, string, error) {
	if o.kubeconfig == "" && o.context == "" && os.Getenv(clientcmd.RecommendedConfigPathEnvVar) == "" {
		if config, err := rest.InClusterConfig(); err == nil {
			return config, inClusterNamespace(), nil
		} else if !errors.Is(err, rest.ErrNotInCluster) {
			return nil, "", fmt.Errorf("can't use the service account of this Pod: %w", err)
		}
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	loaded := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.context})
	config, err := loaded.ClientConfig()
	switch {
	case err == nil:
	case o.context != "" && o.kubeconfig == "":
		return nil, "", fmt.Errorf("invalid value %q for --context: %w", o.context, err)
	case clientcmd.IsEmptyConfig(err):
		return nil, "", errors.New("no cluster is configured: give --kubeconfig or $KUBECONFIG, or run it in a cluster")
	default:
		return nil, "", fmt.Errorf("invalid value %q for --kubeconfig: it takes a file that kubectl can use too: %w", o.kubeconfig, err)
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

// awaitServer waits until the API server answers, for as long as serverTimeout.
func (c *clients) awaitServer(ctx context.Context) error {
	config := dynamic.ConfigFor(c.config)
	config.GroupVersion = &schema.GroupVersion{}
	server, err := rest.UnversionedRESTClientForConfigAndClient(config, c.http)
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, time.Second, serverTimeout, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		last = server.Get().AbsPath("/version").Do(ctx).Error()
		return last == nil, nil
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("no API server within %s: %w", serverTimeout, last)
	}
	return err
}
