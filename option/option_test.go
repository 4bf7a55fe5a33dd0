package option

import (
	"io"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestTheDefaultsOfWhatIsMirroredAreThoseOfTheContract(t *testing.T) {
	var m Mirroring
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	m.Register(flags)
	if m.Settings.MaxTargets != 100 || m.Settings.Transform.Timeout != 100*time.Millisecond || m.Settings.Transform.MaxRules != 50 ||
		m.Settings.Transform.MaxSize != 10<<10 || m.Settings.Transform.MaxOutput != 1<<20 || len(m.ResourceTypes) != 0 ||
		!m.Settings.TargetAllowed("any") || !m.Settings.SourceAllowed("any") || m.Settings.Strip.Empty() {
		t.Errorf("the defaults are %+v", m)
	}
}

func TestAWrongValueSaysWhatItTakes(t *testing.T) {
	for _, arg := range []string{"--max-targets=0", "--transform-timeout=0s", "--transform-max-size=10Kb", "--excluded-namespaces=Kube", "--resource-types=Pod.v1", "--strip-metadata=a{b}"} {
		var m Mirroring
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		flags.SetOutput(io.Discard)
		m.Register(flags)
		if err := flags.Parse([]string{arg}); err == nil {
			t.Errorf("%s is taken", arg)
		}
	}
}
