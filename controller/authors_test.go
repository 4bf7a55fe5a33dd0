package controller

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// rights are what an author has: in namespaces, or everywhere as "*".
type rights struct {
	in    []string
	err   error
	asked []mirror.Right
}

// Allows implements Access.
func (r *rights) Allows(_ context.Context, author mirror.Author, right mirror.Right) (bool, error) {
	if author.User != "ann" || !slices.Equal(author.Groups, []string{"team", "system:authenticated"}) {
		panic("asked about somebody else")
	}
	r.asked = append(r.asked, right)
	return slices.Contains(r.in, "*") || right.Namespace != "" && slices.Contains(r.in, right.Namespace), r.err
}

const ann = "policy\nann\nteam\nsystem:authenticated"

// authorRig is a rig that asks about authors.
func authorRig(t *testing.T, may ...string) (*rig, *rights) {
	t.Helper()
	r, access := newRig(t), &rights{in: may}
	r.Settings.Authors = &mirror.Authors{Issuer: "policy"}
	r.Controller.mirrors.authors = newAuthors(r.Settings.Authors, access, r.mirrors.AddAfter)
	r.target()
	return r, access
}

// signed has the source ask for the namespace a, with that stamp.
func (r *rig) signed(stamp string) {
	u := r.object("src", api.LabelEnabled, "a")
	annotations := u.GetAnnotations()
	if annotations[api.AnnotationAuthor] = stamp; stamp == "" {
		delete(annotations, api.AnnotationAuthor)
	}
	u.SetAnnotations(annotations)
	r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), u))
}

// reasons are why there is no mirror in the namespace a.
func (r *rig) reasons() (reasons []string) {
	for _, p := range r.stateLocked(r.sourceKey()).problems["a"] {
		reasons = append(reasons, p.Reason)
	}
	return reasons
}

func TestNoMirrorIsMadeThatItsSourcesAuthorMayNotMake(t *testing.T) {
	for it, row := range map[string]struct {
		stamp     string
		may       []string
		err       error
		creates   int
		asked     int
		reason    string
		triesSoon bool
		triesOnce bool // after a while
	}{
		"he may everywhere":                  {stamp: ann, may: []string{"*"}, creates: 1, asked: 1},
		"he may there":                       {stamp: ann, may: []string{"a"}, creates: 1, asked: 2},
		"he may elsewhere":                   {stamp: ann, may: []string{"b"}, asked: 2, reason: mirror.ReasonMayNot, triesOnce: true},
		"the server can't say":               {stamp: ann, may: []string{"*"}, err: apierrors.NewInternalError(errors.New("no")), asked: 1, reason: mirror.ReasonServerTrouble, triesSoon: true},
		"nobody is stamped":                  {may: []string{"*"}, reason: mirror.ReasonNoAuthor},
		"a stamp is from before":             {stamp: "other\nann", may: []string{"*"}, reason: mirror.ReasonNoAuthor},
		"a stamp has no name":                {stamp: "policy\n", may: []string{"*"}, reason: mirror.ReasonNoAuthor},
		"a stamp is nothing but the policys": {stamp: "policy", may: []string{"*"}, reason: mirror.ReasonNoAuthor},
	} {
		t.Run(it, func(t *testing.T) {
			r, access := authorRig(t, row.may...)
			access.err = row.err
			r.signed(row.stamp)
			r.Ready(configMapsType)
			key := mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"}
			_ = r.SyncSource(t.Context(), r.sourceKey())
			if again := r.SyncMirror(t.Context(), key) != nil; again != row.triesSoon {
				t.Errorf("it is tried again at once: %v", again)
			}
			if once := slices.Contains(r.mirrors.later, key); once != row.triesOnce {
				t.Errorf("it is tried again after a while: %v", once)
			}
			if r.creates != row.creates || len(access.asked) != row.asked {
				t.Errorf("%d creates and the questions %v", r.creates, access.asked)
			}
			if got := r.reasons(); len(got) > 1 || len(got) == 1 != (row.reason != "") || len(got) == 1 && got[0] != row.reason {
				t.Errorf("its author is told %v, want %q", got, row.reason)
			}
		})
	}
}

func TestNobodyIsAskedAboutMirrorsThatAreThere(t *testing.T) {
	for it, stamp := range map[string]string{"by somebody": ann, "by nobody": ""} {
		t.Run(it, func(t *testing.T) {
			r, access := authorRig(t)
			r.MirrorsOf(configMapsType).Set(r.mirror("a"))
			r.signed(stamp)
			r.Ready(configMapsType)
			r.work()
			if r.updates != 1 || len(access.asked) != 0 || r.reasons() != nil {
				t.Errorf("%d updates, the questions %v, the problems %v", r.updates, access.asked, r.reasons())
			}
		})
	}
}

func TestTrustedAuthorsAreNotAskedAboutAsLongAsTheyAreTrusted(t *testing.T) {
	for it, trusted := range map[string]mirror.Authors{"a user": {TrustedUsers: []string{"ann"}}, "a group": {TrustedGroups: []string{"x", "team"}}, "nobody": {TrustedUsers: []string{"team"}, TrustedGroups: []string{"ann"}}} {
		t.Run(it, func(t *testing.T) {
			r, access := authorRig(t)
			r.Settings.Authors.TrustedUsers, r.Settings.Authors.TrustedGroups = trusted.TrustedUsers, trusted.TrustedGroups
			r.signed(ann)
			r.Ready(configMapsType)
			r.work()
			want := it != "nobody"
			if made := r.creates == 1; made != want || (len(access.asked) == 0) != want {
				t.Errorf("%d creates, the questions %v", r.creates, access.asked)
			}
		})
	}
}

func TestARightThatWasTakenAwayIsGoodForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, access := authorRig(t, "*")
		r.signed(ann)
		r.Ready(configMapsType)
		r.work()
		access.in = nil
		deleted := func() {
			r.gone(r.mirror("a"))
			for _, m := range r.tables.of[configMapsType.GroupResource()].mirrors {
				r.gone(m)
			}
			r.work()
		}
		time.Sleep(allowedFor - time.Second)
		deleted()
		if r.creates != 2 || len(access.asked) != 1 {
			t.Errorf("within the minute %d creates and the questions %v", r.creates, access.asked)
		}
		time.Sleep(2 * time.Second)
		deleted()
		if r.creates != 2 || !slices.Equal(r.reasons(), []string{mirror.ReasonMayNot}) {
			t.Errorf("after the minute %d creates, and told is %v", r.creates, r.reasons())
		}
		t.Log("and one that was given is seen at the next look")
		access.in = []string{"a"}
		time.Sleep(lookAgain)
		r.mirrors.Add(mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"})
		r.work()
		if r.creates != 3 || r.reasons() != nil {
			t.Errorf("in the end %d creates, and told is %v", r.creates, r.reasons())
		}
	})
}

func TestWhatCannotBePutBackIsNotTakenAway(t *testing.T) {
	r, _ := authorRig(t)
	r.updateError = apierrors.NewInvalid(configMapsType.GroupVersion().WithKind("ConfigMap").GroupKind(), "s", nil)
	r.MirrorsOf(configMapsType).Set(r.mirror("a"))
	r.signed(ann)
	r.Ready(configMapsType)
	r.work()
	if r.creates != 0 || r.deletes != 0 || !slices.Equal(r.reasons(), []string{mirror.ReasonMayNot}) {
		t.Errorf("%d creates and %d deletes, told is %v", r.creates, r.deletes, r.reasons())
	}
}

func TestWhatMayBeAMirrorFromBeforeIsNotTakenOverForOneWhoMayNot(t *testing.T) {
	r, _ := authorRig(t)
	before := r.object("a", api.LabelMirror, "")
	before.SetAnnotations(map[string]string{api.AnnotationSourceNamespace: "src", api.AnnotationSourceName: "s"})
	before.SetManagedFields(nil)
	r.whole = before
	r.MirrorsOf(configMapsType).Set(mirror.NewRecord(configMapsType.GroupResource(), before))
	r.signed(ann)
	r.Ready(configMapsType)
	r.work()
	if r.updates+r.deletes+r.creates != 0 || !slices.Equal(r.reasons(), []string{mirror.ReasonMayNot}) {
		t.Errorf("%d updates, %d deletes, %d creates, told is %v", r.updates, r.deletes, r.creates, r.reasons())
	}
}

func TestNothingIsWrittenWhereTheNamespaceRefusesWhileItsAuthorIsAskedAbout(t *testing.T) {
	r, access := authorRig(t, "*")
	r.signed(ann)
	r.Ready(configMapsType)
	r.Controller.mirrors.authors.access = accessFunc(func() {
		r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "a"}, Terminating: true})
	})
	r.work()
	if r.creates != 0 || len(access.asked) != 0 {
		t.Errorf("%d creates", r.creates)
	}
}

// accessFunc allows everything, and does something meanwhile.
type accessFunc func()

// Allows implements Access.
func (f accessFunc) Allows(context.Context, mirror.Author, mirror.Right) (bool, error) {
	f()
	return true, nil
}

func TestManyWhoWouldAskTheSameAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		a := newAuthors(&mirror.Authors{}, accessFunc(func() { asked++; time.Sleep(time.Second) }), nil)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if allowed, err := a.allows(t.Context(), ann, mirror.Author{User: "ann"}, mirror.Right{Verb: "create", Namespace: "a"}); !allowed || err != nil {
					t.Errorf("allowed: %v, %v", allowed, err)
				}
			})
		}
		wg.Wait()
		if asked != 1 || len(a.asking) != 0 {
			t.Errorf("%d questions, %d are waited for", asked, len(a.asking))
		}
	})
}
