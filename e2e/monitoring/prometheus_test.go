package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/process"
)

// prometheus is a Prometheus that runs.
type prometheus struct {
	*process.Process
	env *kit.Env
}

// pods are the processes to scrape, by the names of the Pods that they stand for.
type pods map[string]*kit.Kubemirror

// startPrometheus has a Prometheus scrape the processes, with the labels that a
// ServiceMonitor gives to Pods, and evaluate the rules; until the test ends.
func startPrometheus(t *testing.T, env *kit.Env, targets pods) *prometheus {
	t.Helper()
	dir := t.TempDir()
	var scraped []any
	for pod, km := range targets {
		scraped = append(scraped, map[string]any{
			"targets": []string{km.Address("metrics")},
			"labels":  map[string]string{"namespace": namespace, "service": job, "pod": pod, "container": "kubemirror", "endpoint": "metrics"},
		})
	}
	config, err := yaml.Marshal(map[string]any{
		"global":         map[string]any{"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
		"rule_files":     []string{rulesFile(t, dir)},
		"scrape_configs": []any{map[string]any{"job_name": job, "static_configs": scraped}},
	})
	if err != nil {
		t.Fatal(err)
	}
	started, err := process.Start(process.Config{
		Name: "prometheus", Path: tool(t, "prometheus"), Log: filepath.Join(t.ArtifactDir(), "prometheus.log"),
		Args: []string{"--config.file=" + written(t, filepath.Join(dir, "prometheus.yml"), string(config)),
			"--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &prometheus{started, env}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("Prometheus' log ends:\n%s", p.LogTail(20))
		}
	})
	env.Eventually("Prometheus scrapes all", func(ctx context.Context) error {
		up, err := p.query(ctx, "sum(up)")
		if err == nil && (len(up) != 1 || up[0].value != float64(len(targets))) {
			err = fmt.Errorf("up is %v", up)
		}
		return err
	})
	return p
}

var listening = regexp.MustCompile(`"Listening on".* address=(\S+)`)

// get asks the HTTP API, and reads the data of the answer.
func (p *prometheus) get(ctx context.Context, path string, parameters url.Values, data any) error {
	address := listening.FindStringSubmatch(p.Log())
	if address == nil {
		return fmt.Errorf("it has not said yet where it listens")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address[1]+"/api/v1/"+path+"?"+parameters.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer := struct {
		Error string
		Data  any
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("read the answer to %s: %w", path, err)
	}
	if answer.Error != "" {
		return fmt.Errorf("%s of %v: %s", path, parameters, answer.Error)
	}
	return nil
}

// sample is one element of a vector.
type sample struct {
	labels map[string]string
	value  float64
}

// query evaluates an expression now.
func (p *prometheus) query(ctx context.Context, expr string) ([]sample, error) {
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	if err := p.get(ctx, "query", url.Values{"query": {expr}}, &data); err != nil {
		return nil, err
	}
	samples := make([]sample, len(data.Result))
	for i, result := range data.Result {
		text, _ := result.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("read the answer to %s: %w", expr, err)
		}
		samples[i] = sample{result.Metric, value}
	}
	return samples, nil
}

// selectors are what an expression selects series by, as Prometheus parses it.
func (p *prometheus) selectors(ctx context.Context, expr string) ([]string, error) {
	var tree any
	if err := p.get(ctx, "parse_query", url.Values{"query": {expr}}, &tree); err != nil {
		return nil, err
	}
	var found []string
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case []any:
			for _, inner := range node {
				walk(inner)
			}
		case map[string]any:
			if kind := node["type"]; kind == "vectorSelector" || kind == "matrixSelector" {
				found = append(found, selector(node))
			}
			for _, inner := range node {
				walk(inner)
			}
		}
	}
	walk(tree)
	slices.Sort(found)
	return slices.Compact(found), nil
}

func selector(node map[string]any) string {
	var parts []string
	matchers, _ := node["matchers"].([]any)
	for _, m := range matchers {
		matcher, _ := m.(map[string]any)
		parts = append(parts, fmt.Sprintf("%v%v%q", matcher["name"], matcher["type"], matcher["value"]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// health is how the evaluation of a rule went last.
type health struct {
	Name, Health, LastError string
	LastEvaluation          time.Time
}

func (p *prometheus) rules(ctx context.Context) (all []health, err error) {
	var data struct{ Groups []struct{ Rules []health } }
	err = p.get(ctx, "rules", nil, &data)
	for _, group := range data.Groups {
		all = append(all, group.Rules...)
	}
	return all, err
}
