package transform

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The seeds are in testdata/fuzz, by what they show.

func FuzzParsePath(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePath(text)
		if err != nil {
			return
		}
		again, err := parsePath(p.String())
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("%q was read as %#v, written as %q, and read again as %#v, %v", text, p, p.String(), again, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text, Limits{})
		again, errAgain := Parse(text, Limits{})
		if (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() || len(r.rules) != len(again.rules) {
			t.Fatalf("%q: %v the first time, %v the second", text, err, errAgain)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || len(r.rules) > 0) {
			t.Fatalf("%q: %q, %d rules", text, err, len(r.rules))
		}
		for _, one := range r.rules {
			if one.action == noAction || len(one.path) == 0 || (one.action == copyFrom) != (len(one.from) > 0) || (one.action == keepKeys) != (one.keep != nil) {
				t.Fatalf("%q: a rule without action or path", text)
			}
		}
	})
}

// Whatever a template does, it stays within its bounds, does the same again,
// and means what it means in text/template.
func FuzzTemplate(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := compile(text)
		if err != nil {
			return
		}
		limits := (Limits{MaxSize: len(text)}).withDefaults()
		output := limits.MaxOutput
		a := newAllowance(limits, frozen, &output)
		got, err := tmpl.run(&appContext, a)
		if a.memory < 0 || output < 0 || len(got) > limits.MaxOutput {
			t.Fatalf("%q took more than it may", text)
		}
		output = limits.MaxOutput
		again, errAgain := tmpl.run(&appContext, newAllowance(limits, frozen, &output))
		if got != again || (err == nil) != (errAgain == nil) {
			t.Fatalf("%q gave %q, %v, then %q, %v", text, got, err, again, errAgain)
		}
		if err != nil {
			return
		}
		if want, err := renderByTextTemplate(text); err == nil && got != want {
			t.Fatalf("%q gives %q, and %q by text/template", text, got, want)
		}
	})
}

func FuzzApply(f *testing.F) {
	f.Fuzz(func(t *testing.T, content, text, namespace string) {
		var object map[string]any
		if json.Unmarshal([]byte(content), &object) != nil || object == nil {
			return
		}
		r, err := Parse(text, Limits{})
		if err != nil {
			return
		}
		r.now = frozen
		before := copyOf(object)
		ctx := appContext
		ctx.TargetNamespace = namespace

		got, problems, err := r.Apply(object, ctx)
		again, problemsAgain, errAgain := r.Apply(object, ctx)
		if !reflect.DeepEqual(any(object), before) {
			t.Fatal("the input was changed")
		}
		if !reflect.DeepEqual(got, again) || !reflect.DeepEqual(problems, problemsAgain) || (err == nil) != (errAgain == nil) {
			t.Fatal("two outcomes for the same input")
		}
		if err != nil {
			return
		}
		checkWithheld(t, got, problems)
		checkKept(t, r, object, ctx, text)
		if got != nil {
			checkProtectedParts(t, object, got)
		}
		if reads := r.Reads(); !reads.Labels || !reads.Annotations {
			other := ctx
			if !reads.Labels {
				other.TargetLabels = map[string]string{"region": "us"}
			}
			if !reads.Annotations {
				other.TargetAnnotations = nil
			}
			if there, _, _ := r.Apply(object, other); !reflect.DeepEqual(got, there) {
				t.Fatal("the outcome differs by metadata of the namespace that the rules are said not to read")
			}
		}
		if !r.DependsOnTarget() {
			ctx.TargetNamespace, ctx.TargetName = "elsewhere", "other"
			ctx.TargetLabels, ctx.TargetAnnotations = nil, map[string]string{"contact": "nobody"}
			if there, _, _ := r.Apply(object, ctx); !reflect.DeepEqual(got, there) {
				t.Fatal("the outcome differs by target, and DependsOnTarget is false")
			}
			ctx = appContext
			ctx.TargetNamespace = namespace
		}
		checkOneByOne(t, r, object, ctx, got, problems)
	})
}

// checkWithheld fails where there is an outcome though a keep rule failed, or none though
// none did.
func checkWithheld(t *testing.T, got map[string]any, problems []Problem) {
	t.Helper()
	withholds := slices.ContainsFunc(problems, func(p Problem) bool { return p.Withholds })
	if withholds != (got == nil) {
		t.Fatalf("outcome %v, problems %v", got, problems)
	}
}

// checkKept fails where rules that are said to bound the keys of data let one out that
// none of them names.
func checkKept(t *testing.T, r Rules, object map[string]any, ctx Context, text string) {
	t.Helper()
	const late = "a-key-that-came-later"
	kept := func(one rule) bool { return one.keep != nil && one.keep.Match(late) }
	if !r.Keeps(object, "data") || strings.Contains(text, late) || slices.ContainsFunc(r.rules, kept) {
		return
	}
	later := asMap(t, copyOf(object))
	data, isMap := later["data"].(map[string]any)
	if !isMap {
		return
	}
	data[late] = "bGF0ZQ=="
	got, _, err := r.Apply(later, ctx)
	if err != nil || got == nil {
		return
	}
	if data, isMap := got["data"].(map[string]any); isMap {
		if _, out := data[late]; out {
			t.Fatal("a key that came later went out")
		}
	}
}

// checkProtectedParts fails where a rule reached what none may reach.
func checkProtectedParts(t *testing.T, before, after map[string]any) {
	t.Helper()
	for _, key := range []string{"apiVersion", "kind", "status"} {
		if !reflect.DeepEqual(before[key], after[key]) {
			t.Fatalf("%s was changed", key)
		}
	}
	was, _ := before["metadata"].(map[string]any)
	is, _ := after["metadata"].(map[string]any)
	for _, key := range []string{"name", "namespace", "finalizers", "ownerReferences", "uid"} {
		if !reflect.DeepEqual(was[key], is[key]) {
			t.Fatalf("metadata.%s was changed", key)
		}
	}
	for _, place := range []string{"labels", "annotations"} {
		was, _ := was[place].(map[string]any)
		is, _ := is[place].(map[string]any)
		for _, keys := range []map[string]any{was, is} {
			for key := range keys {
				if strings.HasPrefix(key, domain) && !reflect.DeepEqual(was[key], is[key]) {
					t.Fatalf("%s in metadata.%s was changed", key, place)
				}
			}
		}
	}
}

// checkOneByOne applies the rules one at a time, each to its own deep copy, and
// fails where that gives something else than all of them at once; or where a
// rule that fails leaves anything behind.
func checkOneByOne(t *testing.T, r Rules, object map[string]any, ctx Context, want map[string]any, problems []Problem) {
	t.Helper()
	current, _, err := (Rules{}).Apply(object, ctx)
	if err != nil {
		t.Fatal(err)
	}
	var told []Problem
	withheld := false
	for i := range r.rules {
		one := r
		one.rules = r.rules[i : i+1]
		next, found, err := one.Apply(asMap(t, copyOf(current)), ctx)
		if err != nil {
			t.Fatal(err)
		}
		if next == nil {
			withheld, next = true, current
		}
		for _, p := range found {
			p.Rule = i + 1
			told = append(told, p)
			if !p.Missing && !reflect.DeepEqual(next, current) {
				t.Fatalf("rule %d failed and left something behind", i+1)
			}
		}
		current = next
	}
	for _, p := range problems {
		if p.Reason == errTooMuch.Error() {
			return // the limit on output is shared by all rules, so it strikes earlier
		}
	}
	if withheld {
		current = nil
	}
	if !reflect.DeepEqual(current, want) || !reflect.DeepEqual(told, problems) {
		t.Fatalf("one by one: %s, %v\nat once: %s, %v", asJSON(current), told, asJSON(want), problems)
	}
}
