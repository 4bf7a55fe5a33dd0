package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/cluster"
)

// complete has the shell complete TYPE/NAME: first the types that are mirrored, then the
// sources of the type in the namespace.
func (c *command) complete(cmd *cobra.Command) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		found, err := c.quietly(cmd.Context())
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		kind, _, named := strings.Cut(typed, "/")
		if !named {
			return typeNames(found), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
		}
		return sourceNames(cmd.Context(), found, kind), cobra.ShellCompDirectiveNoFileComp
	}
}

// quietly connects without asking for more than a completion takes.
func (c *command) quietly(ctx context.Context) (*cluster.Cluster, error) {
	defaults := ""
	return cluster.Open(ctx, c.flags, cluster.Which{Flags: &defaults})
}

func typeNames(c *cluster.Cluster) []string {
	var names []string
	for _, t := range c.Types() {
		names = append(names, t.Resource.GroupResource().String()+"/")
	}
	slices.Sort(names)
	return names
}

func sourceNames(ctx context.Context, c *cluster.Cluster, kind string) []string {
	t, _, err := c.TypeOf(kind)
	if err != nil {
		return nil
	}
	var names []string
	_ = c.EachSource(ctx, t, c.Namespace, func(m *metav1.PartialObjectMetadata) { // what can't be read isn't offered
		names = append(names, kind+"/"+m.Name)
	})
	return names
}

// completeNamespaces has the shell complete a namespace.
func (c *command) completeNamespaces(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	found, err := c.quietly(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all, _, _ := found.Namespaces(cmd.Context())
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}
