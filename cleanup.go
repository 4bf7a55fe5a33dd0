package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/cleanup"
	"github.com/lukaszraczylo/kubemirror/kube"
	"github.com/lukaszraczylo/kubemirror/option"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

const cleanupUsage = `Usage:
  kubemirror cleanup [flags]

Takes KubeMirror's finalizer and status off all objects, so that they can be deleted when no
controller runs any more. End the controller first: it would put them back. Mirrors stay, as
plain objects, unless --delete-mirrors is given. It can be run again at any time.

Flags:
`

// cleanupOptions are what the flags of `kubemirror cleanup` say.
type cleanupOptions struct {
	*options
	deleteMirrors    bool
	controller       types.NamespacedName
	sourceNamespaces pattern.List
}

// parseCleanup reads the flags of `kubemirror cleanup`: its own, and those of the
// controller that mean the same here.
func parseCleanup(args []string, out io.Writer) (*cleanupOptions, error) {
	o := &cleanupOptions{options: &options{}}
	controller := pflag.NewFlagSet("kubemirror", pflag.ContinueOnError)
	o.register(controller)
	verbosity := addLogging(controller, o.options)

	flags := pflag.NewFlagSet("kubemirror cleanup", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.VarPF(option.Boolean(&o.deleteMirrors), "delete-mirrors", "", "delete all mirrors first").NoOptDefVal = "true"
	flags.Var(option.New("namespace/name", "", o.setController), "delete-deployment",
		"a controller's Deployment to delete before that, and to wait for until its Pods are gone")
	flags.Var(option.Patterns(&o.sourceNamespaces), "source-namespaces",
		"names and globs of the only namespaces whose sources are released, and whose sources' mirrors are deleted")
	for _, name := range []string{"resource-types", "rate-limit-qps", "rate-limit-burst", "kubeconfig", "context", "logging-format", "v", "vmodule"} {
		flags.AddFlag(controller.Lookup(name))
	}
	flags.Lookup("resource-types").Usage = "types to clean up, as Kind.version or Kind.version.group, comma separated; empty means every type"
	switch err := flags.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		_, _ = fmt.Fprint(out, cleanupUsage+flags.FlagUsages())
		return nil, errHelp
	case err != nil:
		return nil, fmt.Errorf("%w; kubemirror cleanup --help lists the flags", err)
	case flags.NArg() > 0:
		return nil, fmt.Errorf("%q: cleanup takes flags only; kubemirror cleanup --help lists them", flags.Arg(0))
	}
	return o, verbosity.settle(flags.Changed("v"), os.Getenv("LOG_LEVEL"))
}

func (o *cleanupOptions) setController(s string) error {
	namespace, name, _ := strings.Cut(s, "/")
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return errors.New("it takes namespace/name")
	}
	o.controller = types.NamespacedName{Namespace: namespace, Name: name}
	return nil
}

// startCleanup is `kubemirror cleanup`.
func startCleanup(ctx context.Context, args []string) int {
	o, err := parseCleanup(args, os.Stdout)
	if errors.Is(err, errHelp) {
		return exitDone
	}
	if err != nil {
		return complain(exitUsage, err)
	}
	startLogging(o.loggingFormat)
	clients, err := kube.Connect(o.cluster())
	if err != nil {
		return complain(exitUsage, err)
	}
	var named []schema.GroupKind
	for _, name := range o.ResourceTypes {
		named = append(named, schema.GroupKind{Group: name.Group, Kind: name.Kind})
	}
	if err := clients.AwaitServer(ctx); err != nil {
		return complain(exitFault, err)
	}
	err = cleanup.Run(ctx, cleanup.Config{
		REST: clients.REST, HTTP: clients.HTTP, Metadata: clients.Metadata, Objects: clients.Writer(),
		Named: named, SourceNamespaces: o.sourceNamespaces,
		DeleteMirrors: o.deleteMirrors, Controller: o.controller, Out: os.Stdout,
	})
	if err != nil {
		return complain(exitFault, err)
	}
	return exitDone
}
