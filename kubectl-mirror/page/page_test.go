package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

var about = About{Title: "Sources of all namespaces", Flags: "the Deployment a/b", Made: time.Date(2026, time.March, 4, 9, 30, 0, 0, time.UTC)}

func render(t *testing.T, reports []explain.Report, about About) string {
	t.Helper()
	var page bytes.Buffer
	if err := Render(&page, reports, about); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

func TestTextsOfTheClusterStayTexts(t *testing.T) {
	for _, hostile := range []string{
		`</script><script>alert(1)</script>`, `</title><img src=x onerror=alert(1)>`, `<!--<script>`, `]]>`,
		"\u2028\u2029", `"};alert(1)//`, `*/ {{.Data}} ${1} \u003c`, "\x00\xff",
	} {
		want := strings.ToValidUTF8(hostile, "\ufffd")
		text := render(t, []explain.Report{{
			Type: hostile, Resource: hostile, Namespace: hostile, Name: hostile, Status: hostile,
			Checks:  []explain.Check{{Name: "readable", State: explain.No, Text: hostile, Do: hostile}},
			Targets: []explain.Target{{Namespace: hostile, Mirror: hostile, Why: hostile, Action: hostile, Outcome: explain.Blocked}},
		}}, About{Title: hostile, Flags: hostile})
		if n := strings.Count(text, "<script"); n != 2 {
			t.Errorf("with %q in it the page has %d scripts, and should have its data and its own", hostile, n)
		}
		if strings.Contains(text, "<img") {
			t.Errorf("with %q in it the page has an element more", hostile)
		}
		d := dataOf(t, text)
		got := []string{d.Title, d.Flags, d.Sources[0].Name, d.Sources[0].Stopped, d.Sources[0].Checks[0].Do, d.Sources[0].Targets[0].Why}
		for _, one := range got {
			if one != want {
				t.Errorf("%q is on the page as %q", hostile, one)
			}
		}
	}
}

// dataOf reads a page's data as the browser does.
func dataOf(t *testing.T, text string) (d data) {
	t.Helper()
	_, rest, _ := strings.Cut(text, `<script type="application/json" id="data">`)
	inside, _, _ := strings.Cut(rest, "</script>")
	if err := json.Unmarshal([]byte(inside), &d); err != nil {
		t.Fatalf("the page's data can't be read: %v\n%s", err, inside)
	}
	return d
}

func TestTheSameReportsAreTheSamePage(t *testing.T) {
	reports := []explain.Report{{Type: "Secret", Resource: "secrets", Namespace: "a", Name: "b", Targets: []explain.Target{{Namespace: "c"}}}}
	first, second := render(t, reports, about), render(t, reports, about)
	if first != second {
		t.Error("two pages of the same reports differ")
	}
}

func TestThePolicyLetsThePagesOwnScriptAndStyleInAlone(t *testing.T) {
	text := render(t, nil, about)
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)
	if policy == nil {
		t.Fatal("the page has no policy")
	}
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindStringSubmatch(text)[1]
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(text)[1]
	want := fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", digest(style), digest(script))
	if got := html.UnescapeString(policy[1]); got != want {
		t.Errorf("the policy is\n%s\nand should be\n%s", got, want)
	}
	if strings.Contains(script, "innerHTML") || strings.Contains(text, " style=") || strings.Contains(text, " onclick=") {
		t.Error("the page makes elements of texts, or has a style or a handler in an attribute, which its policy refuses")
	}
}

// empty is a cluster in which no other object is.
type empty struct{ explain.Reader }

func (empty) Existing(context.Context, schema.GroupVersionResource, string, string) (*metav1.PartialObjectMetadata, error) {
	return nil, nil
}

func TestNoValueOfAnObjectIsOnThePage(t *testing.T) {
	source := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret",
		"metadata": map[string]any{
			"name": "registry", "namespace": "platform", "uid": "u",
			"labels": map[string]any{"kubemirror.raczylo.com/enabled": "true", "theirs": "value-of-a-label"},
			"annotations": map[string]any{
				"kubemirror.raczylo.com/sync": "true", "kubemirror.raczylo.com/target-namespaces": "payments,search",
				"theirs": "value-of-an-annotation",
			},
		},
		"data":       map[string]any{"key-of-it": "dmFsdWUtb2YtaXQ="},
		"stringData": map[string]any{"key-of-it": "value-of-it"},
	}}
	namespaces := map[string]*mirror.Namespace{}
	for name, allowed := range map[string]string{"platform": "*", "payments": "security", "search": "platform"} {
		namespace, err := mirror.IngestNamespace(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Name: name, Annotations: map[string]string{api.AnnotationAllowFrom: allowed},
		}})
		if err != nil {
			t.Fatal(err)
		}
		namespaces[name] = namespace.(*mirror.Namespace)
	}
	e := &explain.Explainer{Settings: &mirror.Settings{MaxTargets: 10}, Namespaces: namespaces, Reader: empty{}}
	secrets := discovery.Type{Kind: "Secret", Resource: schema.GroupVersionResource{Version: "v1", Resource: "secrets"}}
	text := render(t, []explain.Report{e.Explain(t.Context(), explain.Source{Object: source, Type: secrets})}, about)
	if d := dataOf(t, text).Sources[0]; len(d.Targets) != 2 || d.Targets[0].Outcome != explain.Refused || d.Targets[1].Outcome != explain.Pending {
		t.Fatalf("the mirrors on the page are %+v, and should be one refused and one pending", d.Targets)
	}
	for _, content := range []string{"value-of", "dmFsdWUt", "key-of-it"} {
		if strings.Contains(text, content) {
			t.Errorf("%q of the source is on the page", content)
		}
	}
}

func TestOfAMirrorThatIsNotAsItShouldBeThePageHasTheReasonAndTheCommand(t *testing.T) {
	since := about.Made.Add(-time.Hour)
	d := dataOf(t, render(t, []explain.Report{{Targets: []explain.Target{
		{Namespace: "fine", Outcome: explain.InSync, Why: "since then", Action: "none", Since: since, Checks: []explain.Check{{State: explain.OK, Name: "place", Text: "the mirror is there"}}},
		{Namespace: "bad", Outcome: explain.Blocked, Why: "in the way", Action: "replace", Late: since, Checks: []explain.Check{
			{State: explain.OK, Name: "name"}, {State: explain.No, Name: "place", Text: "in the way", Do: "kubectl get it"}, {State: explain.NotReached, Name: "synced"},
		}},
	}}}, about))
	want := []target{
		{Namespace: "fine", Outcome: explain.InSync, Since: since},
		{Namespace: "bad", Outcome: explain.Blocked, Action: "replace", Why: "in the way", Do: "kubectl get it", Late: since, Wrong: true},
	}
	for n, got := range d.Sources[0].Targets {
		if got != want[n] {
			t.Errorf("of %s the page has\n%+v\nand should have\n%+v", want[n].Namespace, got, want[n])
		}
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestAPageThatCannotBeWrittenIsAnError(t *testing.T) {
	if err := Render(full{}, nil, about); !errors.Is(err, errFull) {
		t.Errorf("the error is %v, and should be %v", err, errFull)
	}
}
