package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/validate/content"

	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/option"
)

// authorsOptions is what the flags say of the authors of sources.
type authorsOptions struct {
	// role is the ClusterRole by which stamps are known to be true; empty where nobody is
	// asked about.
	role          string
	users, groups []string
}

func (o *authorsOptions) register(flags *pflag.FlagSet) {
	flags.Var(option.New("name", "", func(s string) error {
		if s == "" || len(content.IsPathSegmentName(s)) > 0 {
			return errors.New("it takes the name of a ClusterRole, the parameter of the policies that stamp authors")
		}
		o.role = s
		return nil
	}), "authorize-authors", "before a mirror is made, ask whether the source's author may make it; the name is that of the ClusterRole which the policies that stamp authors have for a parameter (default: nobody is asked about)")
	flags.StringArrayVar(&o.users, "trusted-user", nil, "with --authorize-authors: a user who may have anything mirrored anywhere; once for each")
	flags.StringArrayVar(&o.groups, "trusted-group", nil, "with --authorize-authors: the same for a group")
}

// settings is nil where nobody is asked about.
func (o *authorsOptions) settings() (*mirror.Authors, error) {
	switch {
	case o.role != "":
		return &mirror.Authors{TrustedUsers: o.users, TrustedGroups: o.groups}, nil
	case len(o.users)+len(o.groups) > 0:
		return nil, fmt.Errorf("invalid values %q for --trusted-user and --trusted-group: they take --authorize-authors beside them", slices.Concat(o.users, o.groups))
	}
	return nil, nil
}
