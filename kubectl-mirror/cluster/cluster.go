package cluster

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/discovery"
)

// Cluster is one cluster, and the controller that runs in it.
type Cluster struct {
	Controller Controller
	// Namespace is the one that the user works in.
	Namespace string

	config  *rest.Config
	client  *http.Client
	objects dynamic.Interface
	// author asks in the name of who is to apply something.
	author   dynamic.Interface
	metadata metadata.Interface
	mapper   meta.RESTMapper
	survey   *discovery.Survey
}

// patience is how long the API server may take to answer where the user sets no other time.
const patience = 30 * time.Second

// Open connects to the cluster of a kubeconfig, and finds out what the controller's flags
// are and which types are mirrored.
func Open(ctx context.Context, flags *genericclioptions.ConfigFlags, which Which) (*Cluster, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("the kubeconfig can't be used: %w; check it with kubectl config view", err)
	}
	if config.Timeout == 0 {
		config.Timeout = patience
	}
	config.QPS, config.Burst = 50, 300
	config.WarningHandler = rest.NoWarnings{} // they are about objects that aren't the user's to mend, and may quote them
	c := &Cluster{config: config}
	if c.Namespace, _, err = flags.ToRawKubeConfigLoader().Namespace(); err != nil {
		return nil, fmt.Errorf("the kubeconfig can't be used: %w; check it with kubectl config view", err)
	}
	if c.client, err = rest.HTTPClientFor(config); err != nil {
		return nil, fmt.Errorf("the kubeconfig can't be used: %w; check it with kubectl config view", err)
	}
	if c.objects, err = dynamic.NewForConfigAndClient(config, c.client); err != nil {
		return nil, err
	}
	c.author = c.objects
	if c.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(config), c.client); err != nil {
		return nil, err
	}
	if c.mapper, err = flags.ToRESTMapper(); err != nil {
		return nil, c.failed("ask what the API server serves", err)
	}
	if c.Controller, err = c.controller(ctx, which); err != nil {
		return nil, err
	}
	c.survey, err = discovery.NewSurvey(ctx, config, c.client, c.Controller.ResourceTypes)
	if err != nil {
		return nil, c.failed("ask what the API server serves", err)
	}
	return c, nil
}

// ActAs has what is to be applied judged as if this user did it; all else is still read as
// the user of the kubeconfig.
func (c *Cluster) ActAs(user rest.ImpersonationConfig) (err error) {
	config := rest.CopyConfig(c.config)
	config.Impersonate = user
	c.author, err = dynamic.NewForConfig(config)
	return err
}

// Types are those that are mirrored.
func (c *Cluster) Types() []discovery.Type { return c.survey.Types }

// Undescribed are the group versions whose types the API server can't tell of now.
func (c *Cluster) Undescribed() []string { return c.survey.Failed() }

// Resolve reads what names an object, as secret/registry, in the version in which the
// controller looks at it, and says why it doesn't.
func (c *Cluster) Resolve(arg string) (t discovery.Type, name, notMirrored string, err error) {
	kind, name, found := strings.Cut(arg, "/")
	if !found || kind == "" || name == "" || strings.Contains(name, "/") {
		return t, "", "", fmt.Errorf("%q names no object; write TYPE/NAME, as secret/registry", arg)
	}
	t, notMirrored, err = c.TypeOf(kind)
	return t, name, notMirrored, err
}

// TypeOf reads the name of a type, as kubectl takes it.
func (c *Cluster) TypeOf(kind string) (t discovery.Type, notMirrored string, err error) {
	full, resource := schema.ParseResourceArg(kind)
	gvr, gvk := schema.GroupVersionResource{}, schema.GroupVersionKind{}
	if full != nil {
		gvr, err = c.mapper.ResourceFor(*full)
	}
	if gvr.Empty() {
		if gvr, err = c.mapper.ResourceFor(resource.WithVersion("")); meta.IsNoMatchError(err) {
			return t, "", fmt.Errorf("the API server has no type %q; kubectl api-resources lists them", kind)
		}
	}
	if err == nil {
		gvk, err = c.mapper.KindFor(gvr)
	}
	if err != nil {
		return t, "", c.failed("ask what the API server serves", err)
	}
	t, notMirrored = c.mirrored(gvr, gvk.GroupKind())
	return t, notMirrored, nil
}

// TypeOfKind is that of an object's kind.
func (c *Cluster) TypeOfKind(kind schema.GroupKind) (t discovery.Type, notMirrored string, err error) {
	mapping, err := c.mapper.RESTMapping(kind)
	if err != nil {
		return t, "", c.failed("ask what the API server serves", err)
	}
	t, notMirrored = c.mirrored(mapping.Resource, kind)
	return t, notMirrored, nil
}

// mirrored is the type in which a kind is mirrored; where it isn't, the one that is served.
func (c *Cluster) mirrored(served schema.GroupVersionResource, kind schema.GroupKind) (discovery.Type, string) {
	t, notMirrored := c.survey.TypeOf(kind)
	if t == (discovery.Type{}) {
		t = discovery.Type{Resource: served, Kind: kind.Kind}
	}
	return t, notMirrored
}
