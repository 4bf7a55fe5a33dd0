package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhoInstallsIsToldWhatHeLacksAndWhatHeGivesAway(t *testing.T) {
	const (
		noPolicies = "NONE OF THE CHART'S POLICIES IS INSTALLED"
		wildcard   = "A THIEF OF ITS TOKEN IS CLUSTER-ADMIN, leash or not"
		authors    = "answer for each source that is there already"
		enumerated = "kubemirror.raczylo.com/aggregate-to-kubemirror=true"
	)
	chart := withNotes(t)
	for flags, want := range map[string]string{
		"":                                    wildcard,
		"--kube-version=1.29.9":               noPolicies + wildcard,
		"--kube-version=1.30.0":               wildcard,
		"--set=rbac.mode=enumerated":          enumerated,
		"--set=policies.authors.enabled=true": wildcard + authors,
		"--set=controller.resourceTypes={Secret.v1}":                        "",
		"--set=controller.resourceTypes={Secret.v1} --kube-version=1.28.15": noPolicies,
		"--set=rbac.aggregate=true":                                         "",
		"--set=rbac.create=false":                                           "",
	} {
		notes := of(t, decode(t, must(t, "render", helm(t, append([]string{"template", "kubemirror", chart}, strings.Fields(flags)...)...))), "ConfigMap", "notes").Object["data"].(map[string]any)["notes"].(string)
		for _, text := range []string{noPolicies, wildcard, authors, enumerated} {
			if got := strings.Contains(notes, text); got != strings.Contains(want, text) {
				t.Errorf("with %q the notes say %q: %v\n%s", flags, text, got, notes)
			}
		}
	}
}

// withNotes is a copy of the chart that renders its notes: helm does so on installing
// only, where it takes no other version of Kubernetes than there is.
func withNotes(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(path(t, "charts", "kubemirror"))); err != nil {
		t.Fatal(err)
	}
	notes, err := os.ReadFile(filepath.Join(dir, "templates", "NOTES.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"_notes.tpl": `{{- define "notes" -}}` + string(notes) + `{{- end -}}`,
		"notes.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata:\n  notes: {{ include \"notes\" . | quote }}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "templates", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What is enumerated has no wildcard for what gives rights, whatever the cluster has.
func TestEnumeratedRightsAreToKindsThatAreMirroredAndToGroupsOfDefinitions(t *testing.T) {
	objects := render(t, "--set=rbac.mode=enumerated", "--api-versions=cert-manager.io/v1,cert-manager.io/v1/Issuer,gateway.networking.k8s.io/v1,"+
		"admissionregistration.k8s.io/v1,rbac.authorization.k8s.io/v1/Role,certificates.k8s.io/v1,custom.metrics.k8s.io/v1beta1,apiregistration.k8s.io/v1")
	if of(t, objects, "ClusterRole", "kubemirror-types").Object["aggregationRule"] == nil {
		t.Error("other roles can't add to it")
	}
	groups := map[string]string{}
	for _, rule := range of(t, objects, "ClusterRole", "kubemirror-types-named").Object["rules"].([]any) {
		fields := rule.(map[string]any)
		for _, group := range fields["apiGroups"].([]any) {
			for _, resource := range fields["resources"].([]any) {
				groups[group.(string)] += " " + resource.(string)
			}
		}
	}
	want := map[string]string{
		"": " configmaps limitranges podtemplates resourcequotas secrets services", "apps": " daemonsets deployments statefulsets",
		"autoscaling": " horizontalpodautoscalers", "batch": " cronjobs", "networking.k8s.io": " ingresses networkpolicies",
		"policy": " poddisruptionbudgets", "resource.k8s.io": " resourceclaimtemplates",
		"cert-manager.io": " *", "gateway.networking.k8s.io": " *",
	}
	for group, resources := range want {
		if groups[group] != resources {
			t.Errorf("of the group %q it may write%s, want%s", group, groups[group], resources)
		}
		delete(groups, group)
	}
	if len(groups) > 0 {
		t.Errorf("it may write of %v too", groups)
	}
}
