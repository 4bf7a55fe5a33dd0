package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// targetSlips are what PREFIX-a,PREFIX-b and all-labeled become by a slip of the
// finger, by an editor that knows better, and by what other tools take; beside each
// is what is told of it.
var targetSlips = []struct{ says, list, told string }{
	{"a semicolon", "PREFIX-a;PREFIX-b", `';'`},
	{"a blank", "PREFIX-a PREFIX-b", `' '`},
	{"a new line", "PREFIX-a\nPREFIX-b", `'\n'`},
	{"a pipe", "PREFIX-a|PREFIX-b", `'|'`},
	{"a slash", "PREFIX-a/PREFIX-b", `'/'`},
	{"a full stop", "PREFIX-a.PREFIX-b", `'.'`},
	{"a full-width comma", "PREFIX-a，PREFIX-b", "，"},
	{"an ideographic comma", "PREFIX-a、PREFIX-b", "、"},
	{"curly quotes", "“PREFIX-a,PREFIX-b”", "“"},
	{"straight quotes", `"PREFIX-a","PREFIX-b"`, `'"'`},
	{"a list of YAML", "[PREFIX-a, PREFIX-b]", `'['`},
	{"a list of lines", "- PREFIX-a\n- PREFIX-b", `' '`},
	{"a set of the shell", "PREFIX-{a,b}", `'{'`},
	{"a class of characters", "PREFIX-[ab]", `'['`},
	{"a regular expression", "^PREFIX-.$", `'^'`},
	{"another dash", "PREFIX–a,PREFIX-b", "–"},
	{"a letter that looks like an a", "PREFIX-а,PREFIX-b", "а"},
	{"a mark that nobody sees", "PREFIX-a\u200b,PREFIX-b", `'\u200b'`},
	{"a blank that doesn't break", "PREFIX-a\u00a0PREFIX-b", `'\u00a0'`},
	{"upper case", "PREFIX-A,PREFIX-b", `'A'`},
	{"an underscore", "PREFIX_a,PREFIX-b", `'_'`},
	{"an equals sign", "team=blue", `'='`},
	{"a question of kubectl", "-l team", `' '`},
	{"all in upper case", "ALL", `'A'`},
	{"all with a capital", "All", `'A'`},
	{"all-labeled in British", "all-labelled", "did you mean all-labeled?"},
	{"all-labeled with a letter less", "all-labeld", "did you mean all-labeled?"},
	{"all-labeled with two in the wrong order", "all-lableed", "did you mean all-labeled?"},
	{"all-labeled in one word", "alllabeled", "did you mean all-labeled?"},
	{"all-labeled with an underscore", "all_labeled", "did you mean all-labeled?"},
	{"an exclusion misspelt", "PREFIX-?,!all-labelled", "did you mean all-labeled?"},
	{"two exclusions in one", "PREFIX-?,!PREFIX-c;PREFIX-d", `';'`},
	{"a doubled exclamation mark", "PREFIX-?,!!PREFIX-c", `'!'`},
	{"nothing behind an exclamation mark", "PREFIX-?,!", `"!" takes away nothing`},
	{"one that is too long", "PREFIX-?," + strings.Repeat("x", 8<<10), "the most is 8192"},
	{"too many", "PREFIX-?" + strings.Repeat(",x", 500), "the most is 500"},
}

// enabledSlips are values of the label that makes a source.
var enabledSlips = []string{"ture", "True", "TRUE", "yes", "on", "1", "enabled", "flase", "False", "no", "0"}

// TestI10ASlipInTheTargetsTakesNothingAway has a source for each.
func TestI10ASlipInTheTargetsTakesNothingAway(t *testing.T) {
	t.Parallel()
	env := kit.New(t).Within(time.Minute)
	src := env.Namespace("src")
	a, b := env.Namespace("a", allowMirrors+"=true", "team=blue"), env.Namespace("b", allowMirrors+"=true", "team=blue")
	start := func() *kit.Kubemirror {
		return env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false", "--rate-limit-qps=1000", "--rate-limit-burst=1000")
	}
	km := start()
	var rows []kit.Ref
	var right []string
	for i := range len(targetSlips) + len(enabledSlips) {
		rows = append(rows, kit.Object(configMap, src, fmt.Sprintf("row-%03d", i)))
		right = append(right, source(rows[i], "target-namespaces=PREFIX-a,PREFIX-b"))
	}
	env.ApplyAll(right)
	waitForAll(env, configMap, src, "is in sync", kit.HasStatus("2/2 synced"))
	before := map[kit.Ref]string{}
	for _, r := range rows {
		before[r.In(a)], before[r.In(b)] = whole(t, env, r.In(a)), whole(t, env, r.In(b))
	}

	mark := env.Mark()
	for i, slip := range targetSlips {
		env.Apply(kit.Source(rows[i], "changed", "target-namespaces="+slip.list))
	}
	for i, value := range enabledSlips {
		r := rows[len(targetSlips)+i]
		env.Patch(r, fmt.Sprintf(`{"metadata":{"labels":{%q:%q}},"data":{"key":"changed"}}`, domain+"enabled", value))
	}
	for i, slip := range targetSlips {
		env.WaitFor(rows[i], "with "+slip.says+" says so", statusHolds("stopped: "+domain+"target-namespaces: ", slip.told))
		env.WaitForEvent(rows[i], "InvalidAnnotation", domain+"target-namespaces: ")
	}
	for i, value := range enabledSlips {
		r := rows[len(targetSlips)+i]
		env.WaitFor(r, "says so", statusHolds(fmt.Sprintf(`stopped: %senabled: %q is neither "true" nor "false"`, domain, value)))
		env.WaitForEvent(r, "InvalidAnnotation", value)
	}
	unchanged := func(when string) {
		t.Helper()
		for r, text := range before {
			if now := whole(t, env, r); now != text {
				t.Errorf("%s, %s is no longer what it was:\n%s\n%s", when, r, text, now)
			}
		}
	}
	km.WaitQuiet(500 * time.Millisecond)
	unchanged("stopped")
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Namespaces: []string{a, b}}); len(writes) > 0 {
		t.Errorf("mirrors were written:\n%s", writes)
	}

	t.Log("a restart writes nothing")
	km.Stop()
	mark = env.Mark()
	km = start()
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	unchanged("after a restart")

	t.Log("mended, they follow")
	for i := range right {
		right[i] = kit.Source(rows[i], "changed", "target-namespaces=PREFIX-a,PREFIX-b")
	}
	env.ApplyAll(right)
	waitForAll(env, configMap, src, "is in sync", kit.HasStatus("2/2 synced"))
	for _, r := range rows {
		env.WaitFor(r.In(a), "has the change", hasData("changed"))
		env.WaitFor(r.In(b), "has the change", hasData("changed"))
	}
}
