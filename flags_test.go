package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestFlagsHaveTheDefaultsOfTheContract(t *testing.T) {
	o, err := parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.Settings.MaxTargets != 100 || o.workers != 5 || o.qps != 50 || o.burst != 100 || o.discoveryInterval != 5*time.Minute ||
		!o.leaderElect || o.leaseName != "kubemirror-controller-leader" || o.metricsAddress != ":8080" || o.probesAddress != ":8081" ||
		o.Settings.Transform.Timeout != 100*time.Millisecond || o.Settings.Transform.MaxRules != 50 || o.Settings.Transform.MaxSize != 10<<10 ||
		o.Settings.Transform.MaxOutput != 1<<20 ||
		len(o.ResourceTypes) != 0 || o.loggingFormat != "text" {
		t.Errorf("defaults are %+v", o)
	}
}

func TestAWrongFlagIsToldInOneLineWithItsNameItsValueAndWhatItTakes(t *testing.T) {
	for _, row := range []struct{ flag, value, takes string }{
		{"max-targets", "0", "whole number from 1"},
		{"worker-threads", "many", "whole number from 1"},
		{"rate-limit-qps", "-1", "number above 0"},
		{"rate-limit-burst", "1.5", "whole number"},
		{"discovery-interval", "5", "duration"},
		{"transform-timeout", "0s", "duration"},
		{"transform-max-rules", "x", "whole number"},
		{"transform-max-size", "10Kb", "10Ki"},
		{"transform-max-output", "1MB", "1Mi"},
		{"excluded-namespaces", "Kube", "names and globs"},
		{"included-namespaces", "a_b", "names and globs"},
		{"source-namespaces", "a[b]", "names and globs"},
		{"strip-metadata", "a{b}", "character"},
		{"resource-types", "Secret", "Kind.version"},
		{"resource-types", "Pod.v1", "never"},
		{"metrics-bind-address", "8080", "host:port"},
		{"health-probe-bind-address", "x", "host:port"},
		{"leader-election-id", "Not A Name", "name of lower case"},
		{"leader-election-namespace", "_", "name of lower case"},
		{"leader-elect", "maybe", "true or false"},
		{"logging-format", "xml", `"text" or "json"`},
		{"v", "8", "0 to 7"},
		{"vmodule", "request=9", "0 to 7"},
		{"metrics-secure", "maybe", "true or false"},
		{"authorize-authors", "a/b", "name of a ClusterRole"},
		{"trusted-user", "ann", "--authorize-authors beside"},
		{"trusted-group", "team", "--authorize-authors beside"},
	} {
		t.Run(row.flag+"="+row.value, func(t *testing.T) {
			_, err := parse([]string{"--" + row.flag + "=" + row.value}, io.Discard)
			if err == nil {
				t.Fatal("taken")
			}
			text := err.Error()
			if !strings.Contains(text, row.flag) || !strings.Contains(text, row.value) || !strings.Contains(text, row.takes) || strings.Contains(text, "\n") {
				t.Errorf("told as %q", text)
			}
		})
	}
}

func TestLogLevelCountsWhereThereIsNoV(t *testing.T) {
	t.Setenv("LOG_LEVEL", "loud")
	if _, err := parse(nil, io.Discard); err == nil || !strings.Contains(err.Error(), `"loud" for $LOG_LEVEL`) {
		t.Errorf("a wrong level is told as %v", err)
	}
	if _, err := parse([]string{"-v=0"}, io.Discard); err != nil {
		t.Errorf("with -v, the level counts all the same: %v", err)
	}
}

func TestFormerFlagsAreTakenWhateverTheirValuesAndTold(t *testing.T) {
	var help strings.Builder
	_, _ = parse([]string{"--help"}, &help)
	var args []string
	for name, bare := range formerFlags {
		if strings.Contains(help.String(), name) {
			t.Errorf("--%s is in the help", name)
		}
		if args = append(args, "--"+name+"=no matter what"); bare {
			args = append(args, "--"+name)
		} else {
			args = append(args, "--"+name, "x")
		}
	}
	o, err := parse(append(args, "--max-targets=7"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for name := range formerFlags {
		if strings.Count(o.formerFlagsGiven(), "--"+name) != 1 {
			t.Errorf("of --%s it says %q", name, o.formerFlagsGiven())
		}
	}
	if o.Settings.MaxTargets != 7 {
		t.Error("what comes after them doesn't count")
	}
	if o, _ := parse(nil, io.Discard); o.formerFlagsGiven() != "" {
		t.Errorf("where none is given it says %q", o.formerFlagsGiven())
	}
}
