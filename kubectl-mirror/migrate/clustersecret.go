package migrate

import (
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/api"
)

// The keys of zakkg3/ClusterSecret.
const (
	clusterSecretLabel  = "clustersecret.io"
	clusterSecretPrefix = "clustersecret.io/"
	clusterSecretMaker  = clusterSecretPrefix + "created-by"
)

// fromClusterSecret reads ClusterSecrets. What one holds itself becomes a Secret in the
// namespace that the user names; what one takes from a Secret is that Secret's from now on.
// Its patterns match the beginning of a name.
func fromClusterSecret(c *Cluster, o Options) *Plan {
	p := newPlanner("clustersecret", c, o, clusterSecretPrefix)
	old := p.old
	p.old = func(key string) bool { return key == clusterSecretLabel || old(key) }
	taken := map[objectID]string{}
	for _, cs := range c.Objects {
		if cs.Resource != clusterSecrets {
			continue
		}
		f := found{}
		if !p.clusterSecretSource(cs, &f, o.NamespaceFor) {
			continue
		}
		if other := taken[objectOf(f.source)]; other != "" {
			p.note(cs, "its source %s is that of the ClusterSecret %s too, and a source has mirrors of one name, so it is left as it is", f.source, other)
			continue
		}
		taken[objectOf(f.source)] = cs.GetName()
		p.clusterSecretTargets(cs, &f)
		for _, o := range c.Objects {
			mine := o.GetAnnotations()[clusterSecretMaker] != "" || isOurs(o, key(f.source))
			if o.Resource == secrets && o.GetName() == cs.GetName() && mine && objectOf(o) != objectOf(f.source) {
				f.copies = append(f.copies, o)
			}
		}
		f.notes = append(f.notes, fmt.Sprintf("the ClusterSecret %s stays, and does nothing while its controller is away. To be rid of it without its copies: kubectl patch clustersecret %s --type=merge -p '{\"metadata\":{\"finalizers\":null}}' && kubectl delete clustersecret %s", cs.GetName(), cs.GetName(), cs.GetName()))
		p.take(f)
	}
	return &p.Plan
}

// clusterSecretSource finds or makes the Secret that becomes the source.
func (p *planner) clusterSecretSource(cs Object, f *found, namespaceFor string) bool {
	data, _ := cs.Object["data"].(map[string]any)
	from, hasFrom := data["valueFrom"].(map[string]any)
	if hasFrom {
		return p.referencedSecret(cs, f, from)
	}
	if namespaceFor == "" {
		namespaceFor = p.namespaceOf(cs)
	}
	if namespaceFor == "" {
		p.note(cs, "it holds its data itself (%s): name the namespace in which a Secret is to be made of it, with --namespace-for", strings.Join(keysOf(data, nil), ", "))
		return false
	}
	if existing, ok := p.cluster.find(secrets.GroupResource(), namespaceFor, cs.GetName()); ok {
		f.source = existing
		if existing.GetAnnotations()[clusterSecretMaker] != "" {
			f.notes = append(f.notes, "its copy in "+namespaceFor+" becomes the source")
		} else if !isSource(existing) || !reflect.DeepEqual(existing.Object["data"], cs.Object["data"]) {
			p.note(cs, "%s is there and is no copy of it: name another namespace with --namespace-for", existing)
			return false
		}
		return true
	}
	kind, _ := cs.Object["type"].(string)
	if kind == "" {
		kind = "Opaque"
	}
	f.made = true
	f.source = Object{&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": kind, "data": data,
		"metadata": map[string]any{"namespace": namespaceFor, "name": cs.GetName()},
	}}, secrets}
	// Its copies have these labels.
	labels := map[string]string{}
	for key, value := range cs.GetLabels() {
		if !strings.HasPrefix(key, "app.kubernetes.io") {
			labels[key] = value
		}
	}
	f.source.SetLabels(labels)
	return true
}

// namespaceOf is where the Secret is that was made of a ClusterSecret before: its copies name it.
func (p *planner) namespaceOf(cs Object) string {
	for _, o := range p.cluster.Objects {
		if source, ours := oursOf(o); ours && o.Resource == secrets && o.GetName() == cs.GetName() && source.name == cs.GetName() {
			return source.namespace
		}
	}
	return ""
}

// referencedSecret takes the Secret that a ClusterSecret takes its data from.
func (p *planner) referencedSecret(cs Object, f *found, from map[string]any) bool {
	namespace, _, _ := unstructured.NestedString(from, "secretKeyRef", "namespace")
	name, _, _ := unstructured.NestedString(from, "secretKeyRef", "name")
	source, ok := p.cluster.find(secrets.GroupResource(), namespace, name)
	if !ok {
		p.note(cs, "the Secret %s/%s that it takes its data from isn't there, so it is left as it is", namespace, name)
		return false
	}
	f.source, f.set = source, map[string]string{}
	if name != cs.GetName() {
		f.set[api.AnnotationTargetName] = cs.GetName()
	}
	f.notes = append(f.notes, fmt.Sprintf("the ClusterSecret read %s once; from now on its changes are followed", source))
	keys, _, _ := unstructured.NestedStringSlice(from, "secretKeyRef", "keys")
	if len(keys) == 0 {
		return true
	}
	text, err := yaml.Marshal(map[string]any{"rules": []map[string]any{{"path": "data", "keep": keys, "optional": true}}})
	if err != nil {
		p.note(cs, "the rule for its keys can't be written: %v", err)
		return false
	}
	f.set[api.AnnotationTransform] = string(text)
	return true
}

// clusterSecretTargets are the namespaces that match and aren't avoided.
func (p *planner) clusterSecretTargets(cs Object, f *found) {
	match, _, _ := unstructured.NestedStringSlice(cs.Object, "matchNamespace")
	if len(match) == 0 {
		match = []string{".*"}
	}
	avoid, _, _ := unstructured.NestedStringSlice(cs.Object, "avoidNamespaces")
	f.targets = p.cluster.fromRegexes("matchNamespace", match, startOfAName, f.source.GetNamespace())
	avoided := p.cluster.fromRegexes("avoidNamespaces", avoid, startOfAName, f.source.GetNamespace())
	f.targets.notes = append(f.targets.notes, avoided.notes...)
	for _, item := range avoided.items {
		f.targets.items = append(f.targets.items, "!"+item)
	}
	if avoided.unreadable {
		// What is to be avoided isn't known: only where copies are now is safe.
		f.targets.unreadable, f.targets.items = true, nil
	}
}
