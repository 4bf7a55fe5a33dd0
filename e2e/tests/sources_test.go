package tests

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// domain begins every label and annotation of kubemirror.
const domain = "kubemirror.raczylo.com/"

// allowMirrors and allowFrom are the label and the annotation of a namespace.
const allowMirrors, allowFrom = domain + "allow-mirrors", domain + "allow-from"

const configMap = "ConfigMap"

func namespace(name string) kit.Ref { return kit.Object("Namespace", "", name) }

// waitForNamespaceToGo waits until a namespace that was deleted is no more. That
// takes the server's own controller 5 s at least, and much more when it is busy.
func waitForNamespaceToGo(env *kit.Env, name string) {
	env.Within(2 * time.Minute).WaitGone(namespace(name))
}

// source is an object that is to be mirrored, for Env.Apply: one with the label,
// sync: "true", the content key: value, and these annotations, written key=value
// without the domain. Among them, sync= takes the place of its value.
func source(r kit.Ref, annotations ...string) string {
	return kit.Source(r, "value", annotations...)
}

// mirrorsOf lists the mirrors of a source, sorted: the namespaces that have one,
// less the test's prefix and the dash, and "/name" where that is not the source's.
func mirrorsOf(env *kit.Env, src kit.Ref) []string {
	mirrors := []string{}
	for _, o := range env.List(src.Kind, "", domain+"mirror=true") {
		of := o.GetAnnotations()
		if !strings.HasSuffix(of[domain+"mirror-id"], "/"+o.GetNamespace()+"/"+o.GetName()) || o.GetLabels()[domain+"enabled"] != "" {
			continue // it was made of one
		}
		if of[domain+"source-namespace"] != src.Namespace || of[domain+"source-name"] != src.Name {
			continue
		}
		mirror := strings.TrimPrefix(o.GetNamespace(), env.Prefix()+"-")
		if o.GetName() != src.Name {
			mirror += "/" + o.GetName()
		}
		mirrors = append(mirrors, mirror)
	}
	slices.Sort(mirrors)
	return mirrors
}

// waitForMirrors waits until the source has these mirrors, written as mirrorsOf
// does, and no others, and its status counts them.
func waitForMirrors(env *kit.Env, src kit.Ref, want ...string) {
	slices.Sort(want)
	env.Eventually(fmt.Sprintf("the mirrors of %s are %q", src, want), func(context.Context) error {
		if got := mirrorsOf(env, src); !slices.Equal(got, want) {
			return fmt.Errorf("they are %q; its status is %q", got, kit.StatusOf(env.Get(src)))
		}
		if got := kit.StatusOf(env.Get(src)); !strings.HasPrefix(got, fmt.Sprintf("%d/", len(want))) {
			return fmt.Errorf("they are, and its status is %q", got)
		}
		return nil
	})
}

// statusHolds is the check of a source that says these words among others.
func statusHolds(words ...string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		got := kit.StatusOf(o)
		for _, want := range words {
			if !strings.Contains(got, want) {
				return fmt.Errorf("its status is %q and lacks %q", got, want)
			}
		}
		return nil
	}
}

// hasData is the check of a ConfigMap or Secret with that value in its content.
func hasData(want string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		got, _, _ := unstructured.NestedString(o.Object, "data", "key")
		if o.GetKind() == "Secret" {
			plain, err := base64.StdEncoding.DecodeString(got)
			if err != nil {
				return err
			}
			got = string(plain)
		}
		if got != want {
			return fmt.Errorf("its key is %q, want %q", got, want)
		}
		return nil
	}
}

// counted is how many mirrors a process counts in the test's own namespaces; it sees
// those of other tests too.
func counted(env *kit.Env, km *kit.Kubemirror) int {
	sum := 0
	for line := range strings.Lines(km.Metrics().String()) {
		if strings.HasPrefix(line, "kubemirror_mirror_resources_total{") && strings.Contains(line, `namespace="`+env.Prefix()+"-") {
			n, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]))
			if err != nil {
				panic(err) // a count is whole
			}
			sum += n
		}
	}
	return sum
}

// waitForCount waits until just so many are counted.
func waitForCount(env *kit.Env, km *kit.Kubemirror, want int) {
	env.Eventually(fmt.Sprintf("%d mirrors are counted", want), func(context.Context) error {
		if got := counted(env, km); got != want {
			return fmt.Errorf("%d are", got)
		}
		return nil
	})
}

// lineWith is the first line of a log that holds the text.
func lineWith(log, text string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}
