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
	// server is for requests that the others have no form for, or a slower one.
	server rest.Interface
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
	// The server's warnings are about objects that are not ours to mend, and may
	// quote them (I8).
	config.WarningHandler = rest.NoWarnings{}
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
	if c.metadata, err = metadata.NewForConfigAndClient(c.config, c.http); err != nil {
		return err
	}
	config := metadata.ConfigFor(c.config)
	config.GroupVersion = &schema.GroupVersion{}
	c.server, err = rest.UnversionedRESTClientForConfigAndClient(config, c.http)
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
	given := fmt.Sprintf("value %q for --kubeconfig", o.kubeconfig)
	if o.kubeconfig == "" {
		given = fmt.Sprintf("value %q for $%s", os.Getenv(clientcmd.RecommendedConfigPathEnvVar), clientcmd.RecommendedConfigPathEnvVar)
	}
	files, err := rules.Load()
	if err != nil {
		return nil, "", fmt.Errorf("invalid %s: it takes a file that kubectl can use too: %w", given, err)
	}
	if _, known := files.Contexts[o.context]; o.context != "" && !known {
		return nil, "", fmt.Errorf("invalid value %q for --context: it takes a context of the kubeconfig", o.context)
	}
	loaded := clientcmd.NewDefaultClientConfig(*files, &clientcmd.ConfigOverrides{CurrentContext: o.context})
	config, err := loaded.ClientConfig()
	switch {
	case err == nil:
	case clientcmd.IsEmptyConfig(err) && o.kubeconfig == "" && o.context == "":
		return nil, "", errors.New("no cluster is configured: give --kubeconfig or $KUBECONFIG, or run it in a cluster")
	case o.context != "":
		return nil, "", fmt.Errorf("invalid value %q for --context: it takes a context with a cluster and a user: %w", o.context, err)
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

// awaitServer waits until the API server answers, for as long as serverTimeout.
func (c *clients) awaitServer(ctx context.Context) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, time.Second, serverTimeout, true, func(ctx context.Context) (bool, error) {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err := c.server.Get().AbsPath("/version").Do(attempt).Error()
		// One that our own time-out cut off says nothing of the server.
		if deadline, _ := ctx.Deadline(); last == nil || time.Now().Before(deadline) {
			last = err
		}
		return err == nil, nil
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("no API server within %s: %w", serverTimeout, last)
	}
	return err
}
