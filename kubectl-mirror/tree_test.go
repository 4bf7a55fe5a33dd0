package main

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/cluster"
)

func TestThePageSaysWhichSourcesAreOnIt(t *testing.T) {
	secrets := []discovery.Type{{Kind: "Secret", Resource: schema.GroupVersionResource{Version: "v1", Resource: "secrets"}}}
	for want, which := range map[string]cluster.Selection{
		"Sources of all namespaces":    {},
		"Sources of platform":          {Namespace: "platform"},
		"secrets of all namespaces":    {Types: secrets},
		"secrets/registry of platform": {Types: secrets, Namespace: "platform", Name: "registry"},
	} {
		if got := title(which); got != want {
			t.Errorf("the title is %q, and should be %q", got, want)
		}
	}
}
