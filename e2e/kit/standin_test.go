package kit_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// asStandIn makes this test binary play kubemirror, so that the kit is tested
// without the product.
const asStandIn = "KUBEMIRROR_TEST_STAND_IN"

func TestMain(m *testing.M) {
	if os.Getenv(asStandIn) != "" {
		standIn()
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	for key, value := range map[string]string{"KUBEMIRROR_BINARY": self, asStandIn: "yes"} {
		if err := os.Setenv(key, value); err != nil {
			panic(err)
		}
	}
	kit.Run(m)
}

// standIn creates one ConfigMap where its leases are, which has the marks of a mirror,
// and says that it is ready. SIGTERM ends it.
func standIn() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	flags := flag.NewFlagSet("stand-in", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "")
	namespace := flags.String("leader-election-namespace", "", "")
	for _, ignored := range []string{"metrics-bind-address", "health-probe-bind-address", "source-namespaces", "included-namespaces"} {
		flags.String(ignored, "", "")
	}
	_ = flags.Parse(os.Args[1:]) // it exits on an error, with status 2

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	ready := make(chan struct{})
	go func() {
		server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			select {
			case <-ready:
			default:
				w.WriteHeader(http.StatusInternalServerError)
			}
		})}
		_ = server.Serve(listener)
	}()
	fmt.Printf("I0102 03:04:05.678901    4242 server.go:42] \"Serving\" endpoints=\"probes\" address=%q\n", listener.Addr())

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	check(err)
	client, err := dynamic.NewForConfig(config)
	check(err)
	name := fmt.Sprint("stand-in-", os.Getpid())
	_, err = client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(*namespace).
		Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{
				"name":   name,
				"labels": map[string]any{"kubemirror.raczylo.com/mirror": "true"},
				"annotations": map[string]any{
					"kubemirror.raczylo.com/source-namespace": "a", "kubemirror.raczylo.com/source-name": "b",
					"kubemirror.raczylo.com/mirror-id": "configmaps/" + *namespace + "/" + name,
				},
			},
		}}, metav1.CreateOptions{})
	check(err)
	close(ready)
	<-ctx.Done()
	stop()
	os.Exit(0)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
