package option

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Mirroring is what is mirrored, to where and how (contract, "Flags").
type Mirroring struct {
	Settings mirror.Settings
	// ResourceTypes are the only types; empty means every one that can be mirrored.
	ResourceTypes []discovery.Name
}

// Register adds the flags, and sets their defaults.
func (m *Mirroring) Register(flags *pflag.FlagSet) {
	settings := &m.Settings
	settings.MaxTargets = 100
	settings.Transform.Timeout, settings.Transform.MaxRules = 100*time.Millisecond, 50
	settings.Transform.MaxSize, settings.Transform.MaxOutput = 10<<10, 1<<20
	settings.Strip, _ = mirror.ParseStrip("")

	flags.Var(New("list", "", func(s string) (err error) {
		m.ResourceTypes, err = discovery.ParseTypes(s)
		return err
	}), "resource-types", "types to mirror, as Kind.version or Kind.version.group, comma separated; empty means every type that can be")
	flags.Var(Whole(&settings.MaxTargets), "max-targets", "the most targets of one source")
	flags.Var(Patterns(&settings.Excluded), "excluded-namespaces", "names and globs of namespaces that never get mirrors")
	flags.Var(Patterns(&settings.Included), "included-namespaces", "names and globs of the only namespaces that get mirrors; exclusion wins")
	flags.Var(Patterns(&settings.Sources), "source-namespaces", "names and globs of the only namespaces whose sources are honoured")
	flags.Var(New("globs", "", func(s string) (err error) {
		settings.Strip, err = mirror.ParseStrip(s)
		return err
	}), "strip-metadata", "globs of labels and annotations that mirrors don't get, beside those of the usual tools")
	flags.Var(Duration(&settings.Transform.Timeout), "transform-timeout", "the most time that one template may take")
	flags.Var(Whole(&settings.Transform.MaxRules), "transform-max-rules", "the most transformation rules of one source")
	flags.Var(Size(&settings.Transform.MaxSize), "transform-max-size", "the most text that the rules of one source may have")
	flags.Var(Size(&settings.Transform.MaxOutput), "transform-max-output", "the most text that the templates of one source may make for one mirror")
}
