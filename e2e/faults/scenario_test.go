package faults

import (
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// step is something that happens in the world. When all has been done that it leads to,
// the next one comes.
type step struct {
	name string
	do   func(*world)
	// remakes says that mirrors may be deleted though they are wanted before and after.
	remakes bool
}

// places are the namespaces of the scenario, but for the one that comes and goes.
var places = []string{"src", "src2", "n0", "n1", "n2"}

func (w *world) a() kit.Ref { return w.at(configMap, "src", "a") }
func (w *world) b() kit.Ref { return w.at(configMap, "src2", "a") }
func (w *world) c() kit.Ref { return w.at(configMap, "src", "c") }
func (w *world) d() kit.Ref { return w.at(configMap, "src", "d") }
func (w *world) e() kit.Ref { return w.at(configMap, "src", "e") }
func (w *world) s() kit.Ref { return w.at(secret, "src", "s") }

func annotates(source func(*world) kit.Ref, changes ...string) func(*world) {
	return func(w *world) { w.annotate(source(w), changes...) }
}

func patches(source func(*world) kit.Ref, patch string) func(*world) {
	return func(w *world) { w.patch(source(w), patch) }
}

func tampers(source func(*world) kit.Ref, place, patch string) func(*world) {
	return func(w *world) { w.tamper(source(w).In(w.env.Name(place)), patch) }
}

// label sets a label of ours on a namespace; null takes it away.
func (w *world) refuse(place, value string) {
	w.env.Patch(kit.Object("Namespace", "", w.env.Name(place)), `{"metadata":{"labels":{"`+domain+`allow-mirrors":`+value+`}}}`)
}

func refuses(place, value string) func(*world) {
	return func(w *world) { w.refuse(place, value) }
}

const (
	labelOff = `{"metadata":{"labels":{"kubemirror.raczylo.com/enabled":null}}}`
	labelOn  = `{"metadata":{"labels":{"kubemirror.raczylo.com/enabled":"true"}}}`
)

// scenario is what is played with each fault.
var scenario = []step{
	{name: "a source comes", do: func(w *world) { w.create(w.a(), "one", "target-namespaces=PREFIX-n0,PREFIX-n1,PREFIX-n2") }},
	{name: "its content changes", do: patches((*world).a, `{"data":{"key":"two","more":"value"}}`)},
	{name: "its content loses a key", do: patches((*world).a, `{"data":{"more":null}}`)},
	{name: "it gets labels and annotations", do: patches((*world).a, `{"metadata":{"labels":{"tier":"x"},"annotations":{"example.com/more":"y"}}}`)},
	{name: "it loses them", do: patches((*world).a, `{"metadata":{"labels":{"tier":null},"annotations":{"example.com/more":null}}}`)},
	{name: "it is narrowed", do: annotates((*world).a, "target-namespaces=PREFIX-n0")},
	{name: "it is widened", do: annotates((*world).a, "target-namespaces=PREFIX-n*,!PREFIX-n3")},
	{name: "somebody changes a mirror's content", do: tampers((*world).a, "n0", `{"data":{"key":"theirs"}}`)},
	{name: "somebody takes a mirror's content away", do: tampers((*world).a, "n1", `{"data":null}`)},
	{name: "somebody changes a label that is the source's", do: tampers((*world).a, "n0", `{"metadata":{"labels":{"team":"red"}}}`)},
	{name: "somebody puts labels of their own on a mirror", do: tampers((*world).a, "n1", `{"metadata":{"labels":{"theirs.example.com/x":"y"}}}`)},
	{name: "somebody takes away that a mirror names itself", do: tampers((*world).a, "n2", `{"metadata":{"annotations":{"kubemirror.raczylo.com/mirror-id":null}}}`)},
	{name: "somebody deletes a mirror", do: func(w *world) { w.somebody.Delete(w.a().In(w.env.Name("n1"))) }},
	{name: "somebody makes a mirror immutable", remakes: true, do: tampers((*world).a, "n0", `{"immutable":true,"data":{"key":"theirs"}}`)},
	{name: "a Secret comes", do: func(w *world) { w.create(w.s(), "one", "target-namespaces=all,!PREFIX-src2") }},
	{name: "it changes", do: patches((*world).s, `{"stringData":{"key":"two"}}`)},
	{name: "a namespace comes", do: func(w *world) { w.namespace("n3") }},
	{name: "it refuses", do: refuses("n3", `"false"`)},
	{name: "it lets mirrors in again", do: refuses("n3", `null`)},
	{name: "it goes", do: func(w *world) { w.env.Delete(kit.Object("Namespace", "", w.env.Name("n3"))) }},
	{name: "it comes again", do: func(w *world) {
		w.waitGone(kit.Object("Namespace", "", w.env.Name("n3")))
		w.namespace("n3", "tier=x")
	}},
	{name: "the Secret is forced away and made again as another type", remakes: true, do: func(w *world) {
		w.env.Patch(w.s(), `{"metadata":{"finalizers":null}}`)
		w.delete(w.s())
		w.waitGone(w.s())
		w.create(w.s(), "three", "target-selector=tier=x", "target-namespaces=PREFIX-n0")
	}},
	{name: "a label has a selector match no more", do: func(w *world) {
		w.env.Patch(kit.Object("Namespace", "", w.env.Name("n3")), `{"metadata":{"labels":{"tier":null}}}`)
	}},
	{name: "somebody's object is in the way of a source that comes", do: func(w *world) {
		w.occupy(w.c().In(w.env.Name("n2")))
		w.create(w.c(), "one", "target-namespaces=PREFIX-n1,PREFIX-n2")
	}},
	{name: "it goes", do: func(w *world) { w.vacate(w.c().In(w.env.Name("n2"))) }},
	{name: "the source is renamed", do: annotates((*world).c, "target-name=c2")},
	{name: "it is renamed again and changes", do: func(w *world) {
		w.patch(w.c(), `{"metadata":{"annotations":{"kubemirror.raczylo.com/target-name":"c3"}},"data":{"key":"two"}}`)
	}},
	{name: "its name is its own again", do: annotates((*world).c, "target-name-")},
	{name: "it gets rules", do: annotates((*world).c, "transform=rules:\n- {path: data.key, value: ruled}\n- {path: data.more, value: added, optional: true}\n- {path: metadata.labels, merge: {tier: gold}}")},
	{name: "its rules change, and it does", do: func(w *world) {
		w.patch(w.c(), `{"metadata":{"annotations":{"kubemirror.raczylo.com/transform":"rules: [{path: data.key, delete: true}, {path: metadata.labels.team, value: green}]"}},"data":{"key":"three","other":"one"}}`)
	}},
	{name: "its rules can't be read, and it changes", do: func(w *world) {
		w.patch(w.c(), `{"metadata":{"annotations":{"kubemirror.raczylo.com/transform":"rules: [{path: data.key, delite: true}]"}},"data":{"key":"four"}}`)
	}},
	{name: "its rules are mended", do: annotates((*world).c, "transform=rules: [{path: data.key, delete: true}]")},
	{name: "its rules are taken off", do: annotates((*world).c, "transform-")},
	{name: "another source comes for the same name", do: func(w *world) { w.create(w.b(), "b", "target-namespaces=PREFIX-n0,PREFIX-n2") }},
	{name: "the first makes room", do: annotates((*world).a, "target-namespaces=PREFIX-n1")},
	{name: "the first wants it back", do: annotates((*world).a, "target-namespaces=PREFIX-n0,PREFIX-n1,PREFIX-n2")},
	{name: "the second goes", do: func(w *world) { w.delete(w.b()) }},
	{name: "its author mistypes something, and changes it", do: patches((*world).a, `{"metadata":{"annotations":{"kubemirror.raczylo.com/exlude":"true"}},"data":{"key":"three"}}`)},
	{name: "its author mends that", do: annotates((*world).a, "exlude-")},
	{name: "it is paused, and changes", do: patches((*world).a, `{"metadata":{"annotations":{"kubemirror.raczylo.com/paused":"true"}},"data":{"key":"four"}}`)},
	{name: "it goes on", do: annotates((*world).a, "paused-")},
	{name: "another one's sync is turned off", do: annotates((*world).c, "sync=false")},
	{name: "its sync is turned on", do: annotates((*world).c, "sync=true")},
	{name: "the first one's label is taken off", do: patches((*world).a, labelOff)},
	{name: "its label comes back, and it changes", do: patches((*world).a, `{"metadata":{"labels":{"kubemirror.raczylo.com/enabled":"true"}},"data":{"key":"five"}}`)},
	{name: "a source comes that may have fewer targets than it asks for", do: func(w *world) {
		w.create(w.e(), "one", "target-namespaces=PREFIX-n0,PREFIX-n1,PREFIX-n2", "max-targets=1")
	}},
	{name: "it may have one more, and changes", do: func(w *world) {
		w.patch(w.e(), `{"metadata":{"annotations":{"kubemirror.raczylo.com/max-targets":"2"}},"data":{"key":"two"}}`)
	}},
	{name: "it may have but one again", do: annotates((*world).e, "max-targets=1")},
	{name: "it may have all", do: annotates((*world).e, "max-targets-")},
	{name: "a source comes for one namespace", do: func(w *world) { w.create(w.d(), "one", "target-namespaces=all-labeled,PREFIX-n1") }},
	{name: "that refuses", do: refuses("n1", `"false"`)},
	{name: "its label is taken off", do: patches((*world).d, labelOff)},
	{name: "the namespace opts in, and the label comes back", do: func(w *world) {
		w.refuse("n1", `"true"`)
		w.patch(w.d(), labelOn)
	}},
	{name: "a source is deleted and made again", remakes: true, do: func(w *world) {
		w.delete(w.a())
		w.waitGone(w.a())
		w.create(w.a(), "six", "target-namespaces=PREFIX-n0,PREFIX-n2,PREFIX-n3")
	}},
	{name: "it is deleted", do: func(w *world) { w.delete(w.a()) }},
	{name: "all the others are", do: func(w *world) {
		w.delete(w.c())
		w.delete(w.d())
		w.delete(w.e())
		w.delete(w.s())
	}},
}
