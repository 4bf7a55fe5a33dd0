package monitoring

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const domain = "kubemirror.raczylo.com/"

// policy refuses every mirror in one namespace.
const policy = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: PREFIX-refuses}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {refuses: PREFIX}}
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [secrets, configmaps]}
  validations: [{expression: "false"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: PREFIX-refuses}
spec: {policyName: PREFIX-refuses, validationActions: [Deny]}
`

// away is an API group that nobody serves.
const away = `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.PREFIX.example.com}
spec: {group: PREFIX.example.com, version: v1, groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: {namespace: PREFIX-src, name: nobody}}
`

// objects are two sources, and something in the way of a mirror.
const objects = `
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: PREFIX-taken}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: PREFIX-src
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations: {kubemirror.raczylo.com/sync: "true", kubemirror.raczylo.com/target-namespaces: "PREFIX-*"}
data: {key: value}
---
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: PREFIX-src
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations: {kubemirror.raczylo.com/sync: "true", kubemirror.raczylo.com/target-namespaces: "PREFIX-a,PREFIX-b"}
stringData: {key: value}
`

// mirrored is what that makes, by type.
var mirrored = map[string]float64{"ConfigMap.v1": 2, "Secret.v1": 2}

// says is the check of a source with that status.
func says(status string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		if got := o.GetAnnotations()[domain+"sync-status"]; !strings.HasPrefix(got, status) {
			return fmt.Errorf("its status is %q, want %q", got, status)
		}
		return nil
	}
}

// startTwo starts a leader, and then a standby.
func startTwo(env *kit.Env) (leader, standby *kit.Kubemirror) {
	flags := []string{"--resource-types=ConfigMap.v1,Secret.v1,Widget.v1." + env.Prefix() + ".example.com", "--discovery-interval=1s"}
	leader = env.Start(flags...)
	env.Eventually("the first leads", func(context.Context) error { return leads(leader) })
	return leader, env.Start(flags...)
}

func leads(km *kit.Kubemirror) error {
	if km.Metrics().Sum("leader_election_master_status") != 1 {
		return errors.New("it does not lead")
	}
	return nil
}

// work mirrors well and badly, and has somebody fight over a mirror.
func work(t *testing.T, env *kit.Env, leader *kit.Kubemirror) {
	for _, name := range []string{"src", "a", "b", "taken"} {
		env.Namespace(name)
	}
	refuses := env.Namespace("refuses", "refuses="+env.Prefix())
	env.Apply(policy)
	config, err := env.ControlPlane().Kubeconfig("admin", controlplane.Admins)
	if err != nil {
		t.Fatal(err)
	}
	env.Eventually("the policy is at work", func(ctx context.Context) error {
		out, err := exec.CommandContext(ctx, "kubectl", "--kubeconfig="+config, "-n", refuses, "create", "configmap", "trial", "--dry-run=server").CombinedOutput()
		if err == nil {
			return fmt.Errorf("%s", out)
		}
		return ctx.Err()
	})
	env.Apply(objects)
	env.Apply(away)
	settings := kit.Object("ConfigMap", env.Name("src"), "settings")
	env.WaitFor(settings, "is mirrored where that can be", says("2/4 synced"))
	env.WaitFor(kit.Object("Secret", env.Name("src"), "db"), "is mirrored", says("2/2 synced"))
	n := 0
	env.Eventually("the mirror is fought over", func(context.Context) error {
		n++
		env.Patch(settings.In(env.Name("a")), fmt.Sprintf(`{"data":{"key":"theirs-%d"}}`, n))
		if leader.Metrics().Sum("kubemirror_contested_mirrors") != 1 {
			return fmt.Errorf("%d changes were corrected at once", n)
		}
		return nil
	})
}

// expression is one to be run, and where it is from.
type expression struct{ from, text string }

// expressions are all expressions of the dashboard and of the rules.
func expressions(t *testing.T) (all []expression) {
	t.Helper()
	variables := strings.NewReplacer("$__rate_interval", "5m", "$job", job, "$namespace", namespace)
	for _, p := range theDashboard(t).Panels {
		for _, target := range p.Targets {
			all = append(all, expression{"the panel " + p.Title, variables.Replace(target.Expr)})
		}
	}
	for _, r := range rules(t) {
		if r.Record != "" {
			all = append(all, expression{"the rule " + r.Record, r.Expr})
		} else {
			all = append(all, expression{"the alert " + r.Alert + " without its thresholds", threshold.ReplaceAllString(r.Expr, "")})
		}
	}
	return all
}

var threshold = regexp.MustCompile(`\s(==|>)\s[0-9.]+`)

// answered says what is missing in the answer to an expression, or to a part of it.
func (p *prometheus) answered(ctx context.Context, e expression) error {
	number := func(s sample) bool { return !math.IsNaN(s.value) && !math.IsInf(s.value, 0) }
	samples, err := p.query(ctx, e.text)
	if err != nil {
		return fmt.Errorf("%s: %w", e.from, err)
	}
	if !slices.ContainsFunc(samples, number) {
		return fmt.Errorf("%s has no data: %s", e.from, e.text)
	}
	selectors, err := p.selectors(ctx, e.text)
	if err == nil && len(selectors) == 0 {
		err = errors.New("no selector was found")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.from, err)
	}
	for _, selector := range selectors {
		if samples, err := p.query(ctx, selector); err != nil {
			return fmt.Errorf("%s: %w", e.from, err)
		} else if len(samples) == 0 {
			return fmt.Errorf("%s has no data for a part of it: %s", e.from, selector)
		}
	}
	return nil
}

func TestEveryQueryHasDataOfAKubemirrorAtWork(t *testing.T) {
	env := kit.New(t).Within(time.Minute)
	leader, standby := startTwo(env)
	p := startPrometheus(t, env, pods{"kubemirror-a": leader, "kubemirror-b": standby})
	work(t, env, leader)
	all := expressions(t)
	var missing error // as it was before the time was over
	env.Eventually("every query has data", func(ctx context.Context) error {
		var now []error
		for _, e := range all {
			now = append(now, p.answered(ctx, e))
		}
		if ctx.Err() == nil {
			missing = errors.Join(now...)
		}
		return missing
	})
	t.Logf("%d expressions have data", len(all))
	p.rulesAreWell(t)
	p.counts(t, "while the first leads")
	env.Eventually("the fight and the group that is away are on their way to an alert", func(ctx context.Context) error {
		return errors.Join(p.active(ctx, "KubeMirrorFight"), p.active(ctx, "KubeMirrorDiscoveryFailing"))
	})
	for _, alert := range []string{"KubeMirrorDown", "KubeMirrorNoLeader", "KubeMirrorTypeFailing", "KubeMirrorQueueLong"} {
		if p.active(t.Context(), alert) == nil {
			t.Errorf("%s is active, and nothing of the kind is wrong", alert)
		}
	}

	t.Log("another replica takes over")
	leader.Stop()
	env.Eventually("the standby leads", func(context.Context) error { return leads(standby) })
	p.counts(t, "after it took over")
	env.Eventually("Prometheus sees one leader, and no more of the other", func(ctx context.Context) error {
		leaders, err := p.query(ctx, `leader_election_master_status == 1`)
		if err == nil && (len(leaders) != 1 || leaders[0].labels["pod"] != "kubemirror-b") {
			err = fmt.Errorf("the leaders are %v", leaders)
		}
		return err
	})
	most, err := p.query(t.Context(), "max_over_time(kubemirror:mirrors:sum[5m])")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range most {
		if s.value > mirrored[s.labels["source_type"]] {
			t.Errorf("for a moment %v mirrors were counted: %v", s.value, s.labels)
		}
	}
	p.rulesAreWell(t)
}

// counts waits until as many mirrors are counted as there are.
func (p *prometheus) counts(t *testing.T, when string) {
	t.Helper()
	p.env.Eventually("every mirror is counted once, "+when, func(ctx context.Context) error {
		samples, err := p.query(ctx, "kubemirror:mirrors:sum")
		if err != nil {
			return err
		}
		got := map[string]float64{}
		for _, s := range samples {
			got[s.labels["source_type"]] = s.value
		}
		if fmt.Sprint(got) != fmt.Sprint(mirrored) {
			return fmt.Errorf("they are %v, want %v", got, mirrored)
		}
		return nil
	})
}

// active reports whether an alert is pending or firing; nil for yes.
func (p *prometheus) active(ctx context.Context, alert string) error {
	samples, err := p.query(ctx, fmt.Sprintf("ALERTS{alertname=%q}", alert))
	if err == nil && len(samples) == 0 {
		err = fmt.Errorf("%s is not active", alert)
	}
	return err
}

// rulesAreWell fails the test where the evaluation of a rule failed.
func (p *prometheus) rulesAreWell(t *testing.T) {
	t.Helper()
	all, err := p.rules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(rules(t)) {
		t.Errorf("Prometheus has %d rules, want %d", len(all), len(rules(t)))
	}
	for _, rule := range all {
		if rule.Health != "ok" || rule.LastEvaluation.IsZero() {
			t.Errorf("%s is %s since %s: %s", rule.Name, rule.Health, rule.LastEvaluation, rule.LastError)
		}
	}
}
