package discovery

import (
	"slices"
	"strings"
	"testing"
)

func TestParseTypesReadsKindVersionAndGroup(t *testing.T) {
	for _, row := range []struct {
		name string
		list string
		want []Name
	}{
		{"nothing means every type", "", nil},
		{"spaces alone mean every type", "  ", nil},
		{"a core type has no group", "Secret.v1", []Name{{Kind: "Secret", Version: "v1"}}},
		{"the group is all that follows the version", "Ingress.v1.networking.k8s.io",
			[]Name{{Kind: "Ingress", Version: "v1", Group: "networking.k8s.io"}}},
		{"a group may be one word", "Deployment.v1.apps", []Name{{Kind: "Deployment", Version: "v1", Group: "apps"}}},
		{"spaces around items are trimmed", " Secret.v1 ,\tConfigMap.v1 ",
			[]Name{{Kind: "Secret", Version: "v1"}, {Kind: "ConfigMap", Version: "v1"}}},
		{"an item named twice counts once", "Secret.v1,Secret.v1", []Name{{Kind: "Secret", Version: "v1"}}},
		{"one kind in two groups is two types", "Certificate.v1.cert-manager.io,Certificate.v1.networking.internal.knative.dev",
			[]Name{{Kind: "Certificate", Version: "v1", Group: "cert-manager.io"}, {Kind: "Certificate", Version: "v1", Group: "networking.internal.knative.dev"}}},
		{"a version may go on after its number", "Redis.v1api20230801.cache.azure.com",
			[]Name{{Kind: "Redis", Version: "v1api20230801", Group: "cache.azure.com"}}},
		{"a type that is off by default can be named", "Job.v1.batch", []Name{{Kind: "Job", Version: "v1", Group: "batch"}}},
		{"a custom kind may be called like one that is never mirrored", "Pod.v1.example.com",
			[]Name{{Kind: "Pod", Version: "v1", Group: "example.com"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseTypes(row.list)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
			for _, name := range got {
				again, err := ParseTypes(name.String())
				if err != nil || !slices.Equal(again, []Name{name}) {
					t.Errorf("%v is written %q, which reads as %v, %v", name, name, again, err)
				}
			}
		})
	}
}

func TestParseTypesNamesTheItemAndWhatItTakes(t *testing.T) {
	const form = "want Kind.version or Kind.version.group"
	for _, row := range []struct {
		name string
		list string
		item string
		says string
	}{
		{"a kind alone", "Secret", `"Secret"`, form},
		{"an empty item", "Secret.v1,,ConfigMap.v1", `""`, form},
		{"a trailing comma", "Secret.v1,", `""`, form},
		{"version before kind", "v1.Secret", `"v1.Secret"`, form},
		{"a path", "apps/v1.Deployment", `"apps/v1.Deployment"`, form},
		{"a group in the version's place", "Middleware.traefik.io", `"Middleware.traefik.io"`, form},
		{"a core type of another version", "Ingress.v1beta1", `"Ingress.v1beta1"`, form},
		{"an empty group", "Secret.v1.", `"Secret.v1."`, form},
		{"a group in capitals", "Ingress.v1.Networking", `"Ingress.v1.Networking"`, form},
		{"a space inside", "Config Map.v1", `"Config Map.v1"`, form},
		{"a kind that is never mirrored", "Secret.v1,Pod.v1", `"Pod.v1"`, "never mirrored: a copy would run"},
		{"one that is so in a group", "EndpointSlice.v1.discovery.k8s.io", `"EndpointSlice.v1.discovery.k8s.io"`, "never mirrored"},
		{"one that is so in each version", "Event.v1beta1.events.k8s.io", `"Event.v1beta1.events.k8s.io"`, "never mirrored"},
		{"a kind in two versions", "X.v1.example.com,X.v2.example.com", `"X.v2.example.com"`, `"X.v1.example.com"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ParseTypes(row.list)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range []string{row.item, row.says} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than one line", err)
			}
		})
	}
}
