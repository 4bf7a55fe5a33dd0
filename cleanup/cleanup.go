package cleanup

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

// Objects reads and writes whole objects.
type Objects interface {
	Get(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error)
	Update(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, object mirror.Body, options metav1.UpdateOptions) (*metav1.PartialObjectMetadata, error)
}

// Config is what Run needs. REST, HTTP, Metadata, Objects and Out must be set.
type Config struct {
	// REST is how to reach the API server, and HTTP the client to send requests
	// with, to ask what it serves; Metadata is for the objects.
	REST     *rest.Config
	HTTP     *http.Client
	Metadata metadata.Interface
	// Objects is for those that have to be written whole.
	Objects Objects
	// Named are the kinds to clean up, in whatever version they are served. None
	// means all.
	Named []schema.GroupKind
	// SourceNamespaces are the only namespaces whose sources are released, and whose
	// sources' mirrors are deleted. Empty means all.
	SourceNamespaces pattern.List
	// DeleteMirrors has the mirrors deleted, before their sources are released.
	DeleteMirrors bool
	// Controller is the Deployment to delete first, with its Pods, so that nothing
	// puts back what is taken off. Its zero value is none.
	Controller types.NamespacedName
	// Out gets a line for each type where there was something to do.
	Out io.Writer
}

// Run cleans up, and says what it did. It goes on where an object or a type
// fails; the error says how many types did, Out has said which and why. It can
// be run again at any time: what is done already is not done twice.
func Run(ctx context.Context, c Config) error {
	if c.Controller.Name != "" {
		if err := endController(ctx, c.Metadata, c.Controller); err != nil {
			return err
		}
		c.say("Deployment %s: deleted, and its Pods are gone", c.Controller)
	}
	served, failed, err := discovery.Served(ctx, c.REST, c.HTTP, mayHoldTraces)
	if err != nil {
		return err
	}
	found, problems := choose(c.Named, served, failed)
	failing := 0
	for _, problem := range problems {
		c.say("%s: %s", problem.subject, problem.text)
		if problem.fails {
			failing++
		}
	}
	var total count
	for _, t := range found {
		n := c.clean(ctx, t)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("interrupted at %s: run it again to finish", t)
		}
		if n.failed > 0 {
			failing++
		}
		if n != (count{}) {
			c.say("%s: %s", t, n)
		}
		total.add(n)
	}
	c.say("In all %d types: %s", len(found), total)
	if failing > 0 {
		return fmt.Errorf("not all could be cleaned up, see above for the %d types and what is wrong; mend that and run it again", failing)
	}
	return nil
}

func (c Config) say(format string, args ...any) { _, _ = fmt.Fprintf(c.Out, format+"\n", args...) }

// count is what was done to the objects of a type.
type count struct {
	deleted, left, released, failed int
	// failure is the first one.
	failure string
}

func (n *count) fail(err error) {
	n.failed++
	if n.failure == "" {
		n.failure = err.Error()
	}
}

func (n *count) add(other count) {
	n.deleted += other.deleted
	n.left += other.left
	n.released += other.released
	n.failed += other.failed
}

// String is "2 mirrors deleted, 1 source released".
func (n count) String() string {
	var parts []string
	if n.deleted > 0 {
		parts = append(parts, plural(n.deleted, "mirror")+" deleted")
	}
	if n.left > 0 {
		parts = append(parts, plural(n.left, "mirror")+" left behind")
	}
	if n.released > 0 {
		parts = append(parts, plural(n.released, "source")+" released")
	}
	switch {
	case n.failure != "" && n.failed > 1:
		parts = append(parts, fmt.Sprintf("%d failures, the first: %s", n.failed, n.failure))
	case n.failure != "":
		parts = append(parts, "failed: "+n.failure)
	case n.failed > 0:
		parts = append(parts, plural(n.failed, "failure"))
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
