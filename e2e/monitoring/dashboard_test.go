package monitoring

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// dashboard is what the tests read of Grafana's JSON.
type dashboard struct {
	Title, UID    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type, Query any }
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ Type, UID string }
	GridPos                  struct{ H, W, X, Y int }
	FieldConfig              struct {
		Defaults struct{ Unit string }
	}
	Targets []struct{ RefID, Expr, LegendFormat, Format string }
	Panels  []panel
}

// theDashboard reads it from the ConfigMap for Grafana's sidecar.
func theDashboard(t testing.TB) dashboard {
	t.Helper()
	var configMap struct{ Data map[string]string }
	if err := yaml.Unmarshal([]byte(read(t, "manifests", "monitoring", "dashboard.yaml")), &configMap); err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal([]byte(configMap.Data["kubemirror.json"]), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// kinds are the panels of Grafana that the dashboard may use.
var kinds = []string{"row", "stat", "timeseries", "bargauge", "heatmap", "state-timeline", "table"}

func TestTheDashboardIsOneThatGrafanaTakes(t *testing.T) {
	d := theDashboard(t)
	if d.Title == "" || d.UID == "" || len(d.UID) > 40 || d.SchemaVersion < 36 {
		t.Errorf("it is called %q (%q), of schema %d", d.Title, d.UID, d.SchemaVersion)
	}
	var variables []any
	for _, variable := range d.Templating.List {
		variables = append(variables, variable.Name)
	}
	if !slices.Equal(variables, []any{"datasource", "namespace", "job"}) {
		t.Errorf("its variables are %v", variables)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if p.ID <= 0 || ids[p.ID] {
			t.Errorf("%s: the id %d is none, or another panel's", p.Title, p.ID)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.H <= 0 || g.W <= 0 || g.X < 0 || g.Y < 0 || g.X+g.W > 24 {
			t.Errorf("%s is at %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s is over %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Title == "" || !slices.Contains(kinds, p.Type) || len(p.Panels) > 0 {
			t.Errorf("%q is a %q with %d panels in it", p.Title, p.Type, len(p.Panels))
		}
	}
}

func TestEveryPanelAsksTheChosenPrometheusForTheChosenKubemirror(t *testing.T) {
	for _, p := range theDashboard(t).Panels {
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || p.Datasource.UID != "${datasource}" || p.Datasource.Type != "prometheus" || len(p.Targets) == 0 {
			t.Errorf("%s lacks something: %+v", p.Title, p)
		}
		if p.Type != "table" && p.Type != "state-timeline" && p.Type != "heatmap" && p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("%s has no unit", p.Title)
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			if target.Expr == "" || target.RefID == "" || refs[target.RefID] {
				t.Errorf("%s: the query %q is %q", p.Title, target.RefID, target.Expr)
			}
			refs[target.RefID] = true
			if target.LegendFormat == "" && p.Type != "table" {
				t.Errorf("%s: %s has no legend", p.Title, target.Expr)
			}
			if n := strings.Count(target.Expr, "{"); n == 0 || n != strings.Count(target.Expr, `{job=~"$job",namespace=~"$namespace"`) {
				t.Errorf("%s: %s asks for other kubemirrors too", p.Title, target.Expr)
			}
		}
	}
}

// questions are the rows of the dashboard.
var questions = []string{"Is it well?", "What is mirrored?", "Is it in sync?", "How long does it take?", "What fails?", "Who leads?", "What does it cost?"}

func TestTheDashboardAnswersTheQuestionsOfAPersonOnCall(t *testing.T) {
	var rows []string
	for _, p := range theDashboard(t).Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
		}
	}
	if !slices.Equal(rows, questions) {
		t.Errorf("its rows are %q, want %q", rows, questions)
	}
}
