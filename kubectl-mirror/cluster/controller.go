package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/option"
)

// Controller is the controller whose flags decide.
type Controller struct {
	option.Mirroring
	// Origin says where the flags are from, in words.
	Origin string
	// Known says that they are those of a controller that was found, or told by the user;
	// otherwise they are the defaults.
	Known bool
	// Stopped says that no Pod of its Deployment is ready.
	Stopped bool
}

// Which says which controller is meant.
type Which struct {
	// Deployment is its NAMESPACE/NAME; where it is empty, it is looked for.
	Deployment string
	// Flags are its flags, in place of the Deployment's; nil where the user told none.
	Flags *string
	// MayBeUnknown lets the defaults stand in for flags that the user may not read.
	MayBeUnknown bool
	// MayBeMissing lets them stand in where there is no controller yet.
	MayBeMissing bool
}

// selector finds the Deployment of the chart and of the manifests.
const selector = "app.kubernetes.io/name=kubemirror"

var deployments = appsv1.SchemeGroupVersion.WithResource("deployments")

// told is what a user can do who may not read the Deployment.
const told = "tell its flags with --controller-flags='--max-targets=100 …', or '' for the defaults"

// ErrFlagsUnknown is told where the controller's flags decide, and the user may not read them.
var ErrFlagsUnknown = errors.New("you may not read the controller's Deployment; name it with --controller=NAMESPACE/NAME, or " + told)

func (c *Cluster) controller(ctx context.Context, which Which) (Controller, error) {
	if which.Flags != nil {
		return ControllerOf(*which.Flags)
	}
	found, err := c.deployments(ctx, which.Deployment)
	switch {
	case err != nil && which.MayBeUnknown && apierrors.IsForbidden(err):
		unknown, err := parse(nil, "the defaults, for you may not read the controller's Deployment; "+told, nil)
		unknown.Known = false
		return unknown, err
	case apierrors.IsForbidden(err):
		return Controller{}, ErrFlagsUnknown
	case apierrors.IsNotFound(err):
		return Controller{}, fmt.Errorf("there is no Deployment %s; see kubectl get deployments -A -l %s, or %s", which.Deployment, selector, told)
	case err != nil:
		return Controller{}, c.failed("read the controller's Deployment", err)
	case len(found) == 0 && which.MayBeMissing:
		return parse(nil, "KubeMirror's default flags, for it isn't there yet", nil)
	case len(found) == 0:
		return Controller{}, fmt.Errorf("there is no Deployment with the label %s; name it with --controller=NAMESPACE/NAME, or %s", selector, told)
	case len(found) > 1:
		return Controller{}, fmt.Errorf("there is more than one controller, in %s and %s; say which with --controller=NAMESPACE/NAME", name(found[0]), name(found[1]))
	}
	return parse(arguments(found[0]), "the Deployment "+name(found[0]), found[0])
}

// ControllerOf is a controller by flags that the user tells.
func ControllerOf(flags string) (Controller, error) {
	return parse(strings.Fields(flags), "--controller-flags", nil)
}

// deployments reads the controllers' Deployments, or the one that is named.
func (c *Cluster) deployments(ctx context.Context, named string) ([]*appsv1.Deployment, error) {
	if named != "" {
		namespace, name, found := strings.Cut(named, "/")
		if !found {
			return nil, fmt.Errorf("%q is no NAMESPACE/NAME", named)
		}
		u, err := c.objects.Resource(deployments).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return decode([]unstructured.Unstructured{*u})
	}
	list, err := c.objects.Resource(deployments).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	return decode(list.Items)
}

func decode(items []unstructured.Unstructured) ([]*appsv1.Deployment, error) {
	var all []*appsv1.Deployment
	for _, u := range items {
		d := &appsv1.Deployment{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, d); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func name(d *appsv1.Deployment) string { return d.Namespace + "/" + d.Name }

func arguments(d *appsv1.Deployment) []string {
	if len(d.Spec.Template.Spec.Containers) == 0 {
		return nil
	}
	return d.Spec.Template.Spec.Containers[0].Args
}

// parse reads the flags that say what is mirrored, and passes the others over.
func parse(args []string, origin string, d *appsv1.Deployment) (Controller, error) {
	c := Controller{Origin: origin, Known: true, Stopped: d != nil && d.Status.ReadyReplicas == 0}
	flags := pflag.NewFlagSet("kubemirror", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = d != nil // a user is told of a slip
	flags.SetOutput(io.Discard)
	c.Register(flags)
	authors := flags.String("authorize-authors", "", "")
	if err := flags.Parse(args); err != nil {
		return Controller{}, fmt.Errorf("the flags of %s can't be read: %w; give those that say what is mirrored, such as --max-targets=50", origin, err)
	}
	if *authors != "" {
		c.Settings.Authors = &mirror.Authors{}
	}
	return c, nil
}
