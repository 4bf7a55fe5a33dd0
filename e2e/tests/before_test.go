package tests

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// ofBefore is a mirror as it was before mirrors named themselves, with content of its
// own; of a source that need not be there.
func ofBefore(r, src kit.Ref, uid string, more ...string) *unstructured.Unstructured {
	fields := map[string]any{"data": map[string]any{"key": "b2xk"}}
	if !strings.HasPrefix(r.Kind, "Secret") && !strings.HasPrefix(r.Kind, configMap) {
		fields = map[string]any{"spec": map[string]any{"size": int64(7)}}
	}
	o := objectOf(r, fields)
	labels := map[string]string{domain + "mirror": "true", domain + "managed-by": "kubemirror"}
	for _, label := range more {
		key, value, _ := strings.Cut(label, "=")
		labels[key] = value
	}
	o.SetLabels(labels)
	annotations := map[string]string{domain + "source-content-hash": "old", domain + "last-sync-time": "2020-01-02T03:04:05Z"}
	if src.Name != "" {
		annotations[domain+"source-namespace"], annotations[domain+"source-name"] = src.Namespace, src.Name
	}
	if uid != "" {
		annotations[domain+"source-uid"] = uid
	}
	o.SetAnnotations(annotations)
	return o
}

// writers are those who made the mirrors of before: this system, by its field
// manager, and another one, a backup's say.
func writers(env *kit.Env) (ours, theirs *kit.Env) { return env.As("kubemirror"), env.As("velero") }

func TestAMirrorOfBeforeThatIsWantedIsTakenOverWithOneWrite(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	refs, types := threeKinds(env, src)
	ours, theirs := writers(env)
	rows := map[string]struct {
		by              *kit.Env
		byName, byUID   bool
		anotherLifesUID bool
		label           string // what becomes of a label that the source has not
	}{
		"ours":          {by: ours, byName: true, byUID: true},
		"ours-by-name":  {by: ours, byName: true},
		"theirs":        {by: theirs, byName: true, byUID: true, label: "stays"},
		"theirs-by-uid": {by: theirs, byUID: true, label: "stays"},
		"theirs-of-old": {by: theirs, byName: true, anotherLifesUID: true, label: "stays"},
	}
	uids := map[kit.Ref]any{}
	all := []string{env.Name("a")}
	for place, row := range rows {
		all = append(all, env.Namespace(place))
		for _, r := range refs {
			named, uid := kit.Ref{}, ""
			if row.byName {
				named = r
			}
			if row.byUID {
				uid = string(env.Get(r).GetUID())
			} else if row.anotherLifesUID {
				uid = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
			}
			mirror := r.In(env.Name(place))
			uids[mirror] = row.by.Create(ofBefore(mirror, named, uid, "example.com/more=stays")).GetUID()
		}
	}
	for _, r := range refs {
		env.Annotate(r, domain+"target-namespaces="+strings.Join(all, ","))
	}
	begin := env.Mark()
	km := env.Start(types, "--leader-elect=false")
	for _, r := range refs {
		env.WaitFor(r, "is in sync", kit.HasStatus("6/6 synced"))
		for place, row := range rows {
			mirror := r.In(env.Name(place))
			o := env.WaitFor(mirror, "has the label if somebody else put it there", hasLabel("example.com/more", row.label))
			o.SetLabels(without(o.GetLabels(), "example.com/more"))
			if err := isCopyOf(env.Get(r))(o); err != nil || o.GetUID() != uids[mirror] {
				t.Errorf("%s is not the one of before made right: %v", mirror, err)
			}
		}
	}
	km.WaitQuiet(300 * time.Millisecond)
	for place := range rows {
		writes := km.Since(begin).Where(audit.Filter{Verbs: audit.Writes, Namespaces: []string{env.Name(place)}})
		if len(writes) != len(refs) || len(writes.Where(audit.Filter{Verbs: []string{"update"}})) != len(refs) {
			t.Errorf("to take over %d mirrors in %s took:\n%s", len(refs), place, writes)
		}
	}
}

func without(m map[string]string, key string) map[string]string {
	delete(m, key)
	return m
}

// TestAMirrorOfBeforeThatNobodyWantsGoesIfItIsOurs has mirrors of sources that are
// gone, and in a namespace that a source doesn't ask for.
func TestAMirrorOfBeforeThatNobodyWantsGoesIfItIsOurs(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	refs, types := threeKinds(env, src)
	ours, theirs := writers(env)
	places := map[*kit.Env][2]string{ours: {env.Namespace("ours"), "gone"}, theirs: {env.Namespace("theirs"), "gone"}}
	left := map[kit.Ref]string{}
	var orphans, unasked []kit.Ref
	for by, place := range places {
		for _, r := range refs {
			gone := kit.Object(r.Kind, src, "gone")
			orphan, other := gone.In(place[0]), r.In(place[0])
			versions := map[kit.Ref]string{
				orphan: by.Create(ofBefore(orphan, gone, "1b4e28ba-2fa1-11d2-883f-0016d3cca427")).GetResourceVersion(),
				other:  by.Create(ofBefore(other, r, string(env.Get(r).GetUID()))).GetResourceVersion(),
			}
			if by == theirs {
				left[orphan], left[other] = versions[orphan], versions[other]
				continue
			}
			orphans, unasked = append(orphans, orphan), append(unasked, other)
		}
	}
	km := env.Start(types, "--leader-elect=false")
	for _, r := range orphans {
		env.WaitGone(r)
		env.WaitForEvent(r, "MirrorDeleted", "its source is gone")
		env.Eventually("the log tells of it", func(context.Context) error {
			for line := range strings.Lines(km.Log()) {
				if strings.Contains(line, "Deleted a mirror that its source did not give up") && strings.Contains(line, r.Namespace+"/"+r.Name) &&
					strings.Contains(line, strings.TrimSuffix(idOf(objectOf(r, nil)), "/"+r.Namespace+"/"+r.Name)) {
					return nil
				}
			}
			return fmt.Errorf("it says:\n%s", km.Log())
		})
	}
	for _, r := range unasked {
		env.WaitGone(r)
		if events := env.Events(r); len(events) > 0 {
			t.Errorf("its source doesn't ask for it, and is told so: %v", events)
		}
	}
	for _, r := range refs {
		env.WaitFor(r, "is in sync", kit.HasStatus("1/1 synced"))
	}
	stays := func(why string) {
		t.Helper()
		waitForCount(env, km, len(refs))
		for r, version := range left {
			if o := env.Find(r); o == nil || o.GetResourceVersion() != version || len(env.Events(r)) > 0 {
				t.Errorf("since %s, %s is not as it was left: %v", why, r, o)
			}
		}
	}
	km.WaitQuiet(500 * time.Millisecond)
	stays("kubemirror has seen them")
	km.Kill()
	km = env.Start(types, "--leader-elect=false")
	km.WaitQuiet(500 * time.Millisecond)
	stays("kubemirror was started again")
	for _, r := range refs {
		env.Delete(r)
		env.WaitGone(r)
	}
	refs = nil
	km.WaitQuiet(500 * time.Millisecond)
	stays("their sources are gone")
}
