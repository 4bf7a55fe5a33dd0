package monitoring

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// unitTests are the tests of the rules, as promtool reads them.
type unitTests struct {
	Tests []struct {
		AlertRuleTest []struct {
			Alertname string
			ExpAlerts []any `json:"exp_alerts"`
		} `json:"alert_rule_test"`
		PromqlExprTest []struct {
			Expr       string
			ExpSamples []any `json:"exp_samples"`
		} `json:"promql_expr_test"`
	}
}

// promtool runs promtool in a folder.
func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, "promtool"), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v:\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolFindsNothingWrongWithTheRules(t *testing.T) {
	dir := t.TempDir()
	promtool(t, dir, "check", "rules", "--lint=all", "--lint-fatal", rulesFile(t, dir))
}

func TestAlertsFireWhenTheyShouldAndOnlyThen(t *testing.T) {
	dir := t.TempDir()
	rulesFile(t, dir)
	text := read(t, "e2e", "monitoring", "testdata", "rules_test.yaml")
	promtool(t, dir, "test", "rules", written(t, filepath.Join(dir, "rules_test.yaml"), text))

	t.Log("every alert is tested both ways, every recording rule has a value in a test")
	var tests unitTests
	if err := yaml.Unmarshal([]byte(text), &tests); err != nil {
		t.Fatal(err)
	}
	fires, silent, values := map[string]bool{}, map[string]bool{}, ""
	for _, test := range tests.Tests {
		for _, alert := range test.AlertRuleTest {
			if len(alert.ExpAlerts) > 0 {
				fires[alert.Alertname] = true
			} else {
				silent[alert.Alertname] = true
			}
		}
		for _, query := range test.PromqlExprTest {
			if len(query.ExpSamples) > 0 {
				values += query.Expr + "\n"
			}
		}
	}
	for _, rule := range rules(t) {
		if rule.Alert != "" && (!fires[rule.Alert] || !silent[rule.Alert]) {
			t.Errorf("%s: tested firing: %v, tested silent: %v", rule.Alert, fires[rule.Alert], silent[rule.Alert])
		}
		if rule.Record != "" && !strings.Contains(values, rule.Record) {
			t.Errorf("%s is in no test", rule.Record)
		}
	}
}

// wanted are the conditions that a person on call must hear of.
var wanted = []string{"KubeMirrorDown", "KubeMirrorErrors", "KubeMirrorOutOfSync", "KubeMirrorQueueLong",
	"KubeMirrorDiscoveryFailing", "KubeMirrorTypeFailing", "KubeMirrorNoLeader", "KubeMirrorFight"}

func TestEveryAlertSaysWhatToDoAndItsRunbookHasASection(t *testing.T) {
	const runbooks = "https://github.com/lukaszraczylo/kubemirror/blob/main/docs/runbooks.md#"
	sections := sections(read(t, "docs", "runbooks.md"))
	left := map[string]bool{}
	for _, name := range wanted {
		left[name] = true
	}
	for _, rule := range rules(t) {
		if rule.Alert == "" {
			continue
		}
		delete(left, rule.Alert)
		if rule.For == "" || rule.Labels["severity"] != "critical" && rule.Labels["severity"] != "warning" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s lacks something: %+v", rule.Alert, rule)
		}
		anchor, ours := strings.CutPrefix(rule.Annotations["runbook_url"], runbooks)
		text := sections[anchor]
		if !ours || anchor != strings.ToLower(rule.Alert) {
			t.Errorf("%s has the runbook %s", rule.Alert, rule.Annotations["runbook_url"])
		}
		for _, part := range []string{"**What it means.**", "**What to look at.**", "**What to do.**", "```sh"} {
			if !strings.Contains(text, part) {
				t.Errorf("the runbook of %s lacks %s: %q", rule.Alert, part, text)
			}
		}
		delete(sections, anchor)
	}
	for name := range left {
		t.Errorf("there is no alert %s", name)
	}
	for anchor, text := range sections {
		if strings.Contains(text, "**What it means.**") {
			t.Errorf("the runbook #%s is of no alert", anchor)
		}
	}
}

var heading = regexp.MustCompile(`(?m)^## (.+)$`)

// sections are the texts under the headings of a document, by the anchors that
// GitHub gives them.
func sections(document string) map[string]string {
	found := map[string]string{}
	places := heading.FindAllStringSubmatchIndex(document, -1)
	for i, place := range places {
		end := len(document)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		anchor := strings.ReplaceAll(strings.ToLower(document[place[2]:place[3]]), " ", "-")
		found[anchor] = document[place[1]:end]
	}
	return found
}
