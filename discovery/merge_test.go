package discovery

import (
	"errors"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestMergeKeepsWhatTheServerDoesNotShowToBeGone(t *testing.T) {
	down := func(group, version string) map[schema.GroupVersion]error {
		return map[schema.GroupVersion]error{{Group: group, Version: version}: errors.New("down")}
	}
	for _, row := range []struct {
		name   string
		had    []string
		served serverResources
		want   []string
	}{
		{"at first, what is found", nil,
			serverResources{lists: groups(group("", v("v1", served("Secret"))))},
			[]string{"Secret.v1"}},
		{"a type that is not served any more goes", []string{"Secret.v1", "Foo.v1.example.com"},
			serverResources{lists: groups(group("", v("v1", served("Secret"))))},
			[]string{"Secret.v1"}},
		{"a type of a group version that fails stays", []string{"Secret.v1", "Foo.v1.example.com"},
			serverResources{lists: groups(group("", v("v1", served("Secret")))), failed: down("example.com", "v1")},
			[]string{"Secret.v1", "Foo.v1.example.com"}},
		{"a type of another group goes all the same", []string{"Secret.v1", "Foo.v1.example.com", "Bar.v1.example.org"},
			serverResources{lists: groups(group("", v("v1", served("Secret")))), failed: down("example.com", "v1")},
			[]string{"Secret.v1", "Foo.v1.example.com"}},
		{"nothing is found in a group that fails and was unknown", []string{"Secret.v1"},
			serverResources{lists: groups(group("", v("v1", served("Secret")))), failed: down("example.com", "v1")},
			[]string{"Secret.v1"}},
		{"a kind stays in the version that fails while another one works", []string{"Foo.v2.example.com"},
			serverResources{lists: groups(group("example.com", v("v1", served("Foo")))), failed: down("example.com", "v2")},
			[]string{"Foo.v2.example.com"}},
		{"a kind moves to the version that the server now prefers", []string{"Foo.v1.example.com"},
			serverResources{lists: groups(group("example.com", v("v2", served("Foo")), v("v1", served("Foo"))))},
			[]string{"Foo.v2.example.com"}},
		{"a kind of a definition that is terminating stays", []string{"Foo.v1.example.com"},
			serverResources{lists: groups(group("example.com", v("v1", withVerbs("Foo", "delete", "deletecollection", "get", "list", "watch"))))},
			[]string{"Foo.v1.example.com"}},
		{"a kind that was never whole does not begin so", nil,
			serverResources{lists: groups(group("example.com", v("v1", withVerbs("Foo", "delete", "get", "list", "watch"))))},
			nil},
		{"a kind that came again as cluster-scoped goes", []string{"Foo.v1.example.com"},
			serverResources{lists: groups(group("example.com", v("v1", clusterScoped("Foo"))))},
			nil},
		{"a kind that is served by another resource moves there", []string{"Foo.v1.example.com"},
			serverResources{lists: groups(group("example.com", v("v1", renamed(served("Foo"), "phoos"))))},
			[]string{"Foo.v1.example.com"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			found, _ := filter(row.served, nil)
			got := merge(had(t, row.had), found, row.served)
			if !slices.Equal(texts(got), row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
			if again := merge(got, found, row.served); !slices.Equal(again, got) {
				t.Errorf("the same answer again makes of %v %v", got, again)
			}
		})
	}
}

func had(t *testing.T, items []string) []Type {
	t.Helper()
	var types []Type
	for _, item := range items {
		name, err := parseName(item)
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, Type{Resource: name.groupVersion().WithResource(plural(name.Kind)), Kind: name.Kind})
	}
	return types
}
