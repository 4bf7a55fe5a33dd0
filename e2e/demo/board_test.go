package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// object is a ConfigMap in a namespace, or a namespace.
func object(kind, namespace, name string, labels, annotations, data map[string]any) *unstructured.Unstructured {
	metadata := map[string]any{"name": name, "labels": labels, "annotations": annotations}
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data}}
}

func sourceIn(namespace, asks, value string) *unstructured.Unstructured {
	return object("ConfigMap", namespace, "settings",
		map[string]any{domain + "enabled": "true"},
		map[string]any{domain + "sync": "true", domain + "target-namespaces": asks},
		map[string]any{"key": value})
}

func mirrorIn(namespace, value string) *unstructured.Unstructured {
	return object("ConfigMap", namespace, "settings",
		map[string]any{domain + "mirror": "true"},
		map[string]any{domain + "source-namespace": "default", domain + "source-name": "settings"},
		map[string]any{"key": value})
}

func namespace(name string) *unstructured.Unstructured {
	return object("Namespace", "", name, nil, nil, nil)
}

func TestTheBoardTellsWhenAllIsRight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t.Context())
		defer b.close()
		tell := func(o *unstructured.Unstructured, gone bool) {
			time.Sleep(time.Second)
			b.hear(refTo(o), o, gone, time.Now())
		}
		for _, event := range []struct {
			says  string
			o     *unstructured.Unstructured
			gone  bool
			wrong string // what is wrong after it; nothing where it is empty
		}{
			{"a namespace", namespace("app"), false, ""},
			{"a source", sourceIn("default", "app,db", "one"), false, "ConfigMap app/settings is not what its source asks for"},
			{"its mirror", mirrorIn("app", "one"), false, ""},
			{"another namespace", namespace("db"), false, "ConfigMap db/settings is not"},
			{"its mirror, with other content", mirrorIn("db", "two"), false, "ConfigMap db/settings is not"},
			{"its mirror, mended", mirrorIn("db", "one"), false, ""},
			{"a namespace asked for no more", sourceIn("default", "app", "one"), false, "ConfigMap db/settings should be gone"},
			{"its mirror gone", mirrorIn("db", "one"), true, ""},
			{"a foreign object in the way", object("ConfigMap", "app", "settings", nil, nil, map[string]any{"key": "one"}), false, "ConfigMap app/settings is not"},
			{"the source gone", sourceIn("default", "app", "one"), true, ""},
		} {
			tell(event.o, event.gone)
			at, err := time.Now(), b.objects.wrong()
			switch {
			case event.wrong == "" && err != nil:
				t.Errorf("after %s: %v", event.says, err)
			case event.wrong != "" && (err == nil || !strings.HasPrefix(err.Error(), event.wrong)):
				t.Errorf("after %s: %v, want %s", event.says, err, event.wrong)
			case event.wrong == "":
				if got, err := b.until(objects.wrong); err != nil || !got.Equal(at) {
					t.Errorf("after %s: right at %v, %v, want %v", event.says, got, err, at)
				}
			}
		}
	})
}

func TestTheBoardWaitsForTheEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t.Context())
		defer b.close()
		start := time.Now()
		go func() {
			for _, name := range []string{"one", "two", "three"} {
				time.Sleep(time.Second)
				b.hear(refTo(namespace(name)), namespace(name), false, time.Now())
			}
		}()
		at, err := b.until(func(o objects) error {
			if len(o) < 2 {
				return errors.New("there are less than two")
			}
			return nil
		})
		if took := at.Sub(start); err != nil || took != 2*time.Second {
			t.Errorf("right after %v, %v", took, err)
		}
		time.Sleep(2 * time.Second)
	})
}

func TestTheBoardGivesUp(t *testing.T) {
	t.Parallel()
	never := func(objects) error { return errors.New("it is not") }
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t.Context())
		defer b.close()
		if _, err := b.until(never); err == nil || err.Error() != "30s passed, and still: it is not" {
			t.Errorf("after its patience: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t.Context())
		broken := errors.New("the watch of secrets ended")
		b.end(broken)
		if _, err := b.until(never); !errors.Is(err, broken) {
			t.Errorf("without a watch: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := newBoard(ctx).until(never); !errors.Is(err, context.Canceled) {
			t.Errorf("when it is cut off: %v", err)
		}
	})
}
