package install

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// reports is the check of a source whose status has all of that in it.
func reports(texts ...string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		status := o.GetAnnotations()[domain+"sync-status"]
		for _, text := range texts {
			if !strings.Contains(status, text) {
				return fmt.Errorf("its status is %q, without %q", status, text)
			}
		}
		return nil
	}
}

// questions are the reviews that the controller has asked for since.
func questions(t *testing.T, env *kit.Env, km *kit.Kubemirror, mark audit.Mark) audit.Requests {
	t.Helper()
	return asked(t, env, mark, km.User).Where(audit.Filter{Resources: []string{"subjectaccessreviews"}})
}

// as does something by kubectl as one of the test's users, in the namespace of sources.
func as(t *testing.T, env *kit.Env, user, stdin, args string) {
	t.Helper()
	do(t, env, "", kubeconfig(t, env, env.Name(user)), []deed{{user + ": " + args, "", stdin, args, ""}})
}

func TestAnAuthorIsAskedAboutBeforeAMirrorIsMade(t *testing.T) {
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	env.Apply(editors)
	for _, user := range []string{"ann", "carol", "operator"} {
		grant(env, env.Name(user), env.Name("editor"), src)
	}
	grant(env, env.Name("ann"), env.Name("creator"), a)
	for _, user := range []string{"carol", "boss"} {
		grant(env, env.Name(user), env.Name("creator"), "")
	}
	grant(env, env.Name("boss"), env.Name("editor"), src)
	secret := func(name string) kit.Ref { return kit.Object("Secret", src, name) }
	must(t, "write a source before anybody looks who does", run(t, strings.ReplaceAll(asking("old", "target-namespaces=PREFIX-a"), "PREFIX", env.Prefix()),
		"kubectl", "--kubeconfig="+kubeconfig(t, env, env.Name("ann")), "create", "-f-"))
	must(t, "forge a stamp", run(t, strings.ReplaceAll(asking("forged", "target-namespaces=PREFIX-a", "author=x\nadmin\nsystem:masters"), "PREFIX", env.Prefix()),
		"kubectl", "--kubeconfig="+kubeconfig(t, env, env.Name("ann")), "create", "-f-"))
	crowded := strings.Builder{} // has more than a policy looks at
	crowded.WriteString(asking("crowded", "target-namespaces=PREFIX-a", "author=x\nadmin\nsystem:masters"))
	for i := range 500 {
		fmt.Fprintf(&crowded, "    example.com/k%d: ''\n", i)
	}
	env.Apply(crowded.String())

	system := stamping(t, env, "--set=policies.trustedUsers={"+env.Name("operator")+"}", "--set=controller.resourceTypes={Secret.v1}")
	km := start(t, env, system)

	t.Log("nobody is the author of what was written before")
	for _, name := range []string{"old", "forged"} {
		env.WaitFor(secret(name), "has no author", reports("0/1 synced: "+a+": nobody is known to have written the source", `set its annotation `+authorKey+` to ""`))
		env.WaitForEvent(secret(name), "AuthorUnknown", "")
	}
	env.WaitForEvent(secret("crowded"), "AuthorUnknown", "") // its status has no room
	as(t, env, "ann", "", "annotate secret crowded example.com/k0- example.com/k1- example.com/k2- example.com/k3- example.com/k4- example.com/k5-")
	if got := stamp(t, env, secret("crowded")); got != "ann" {
		t.Errorf("the author of what was too much to be looked at, and is not any more, is %q", got)
	}
	env.WaitFor(secret("crowded"), "is synced", synced)
	as(t, env, "ann", "", "annotate --overwrite secret old "+authorKey+"=")
	env.WaitFor(secret("old"), "is synced", synced)

	t.Log("one question tells whether he may everywhere, one whether he may there; the next source has the answers")
	mark := env.Mark()
	as(t, env, "ann", asking("s", "target-namespaces=PREFIX-a"), "create -f-")
	env.WaitFor(secret("s"), "is synced", synced)
	as(t, env, "carol", asking("c", "target-namespaces=PREFIX-a,PREFIX-late"), "create -f-")
	env.WaitFor(secret("c"), "is synced but for the name", reports("1/2 synced: no namespace"))
	if asked := questions(t, env, km, mark); len(asked) > 3 { // 2 about ann, unless old's are good still, and 1 about carol
		t.Errorf("it asked %d times:\n%s", len(asked), asked)
	}

	t.Log("none about mirrors that are there: to follow, and after a restart")
	mark = env.Mark()
	as(t, env, "ann", "", `patch secret s --type=merge -p {"data":{"k":"eA=="}}`)
	env.WaitFor(kit.Object("Secret", a, "s"), "follows", func(o *unstructured.Unstructured) error {
		if _, there, _ := unstructured.NestedString(o.Object, "data", "k"); !there {
			return fmt.Errorf("it does not")
		}
		return nil
	})
	km.Stop()
	km = start(t, env, system)
	env.Patch(kit.Object("Secret", a, "s"), `{"data":{"k":"eQ=="}}`) // is put right
	env.WaitFor(kit.Object("Secret", a, "s"), "is put right", func(o *unstructured.Unstructured) error {
		if value, _, _ := unstructured.NestedString(o.Object, "data", "k"); value != "eA==" {
			return fmt.Errorf("it has %q", value)
		}
		return nil
	})
	if asked := questions(t, env, km, mark); len(asked) > 0 {
		t.Errorf("about mirrors that are there it asked:\n%s", asked)
	}

	t.Log("a namespace made anew for somebody else doesn't get the mirrors of one who may not create there any more")
	env.Delete(kit.Object("Namespace", "", a))
	env.WaitGone(kit.Object("Namespace", "", a))
	env.Namespace("a")
	env.WaitFor(secret("s"), "has an author who may not", reports("0/1 synced: "+a+`: its author "`+env.Name("ann")+`" may not create secrets there`, `have him given that right`))
	env.WaitForEvent(secret("s"), "AuthorMayNot", "")
	env.WaitFor(kit.Object("Secret", a, "c"), "is there, for its author may everywhere", kit.Exists)
	if env.Find(kit.Object("Secret", a, "s")) != nil {
		t.Error("it has the mirror")
	}
	t.Log("until somebody answers for it who may")
	as(t, env, "boss", "", "annotate --overwrite secret s "+authorKey+"=")
	env.WaitFor(kit.Object("Secret", a, "s"), "is there", kit.Exists)

	t.Log("a right that was taken away is used no more")
	km.Stop() // with the answers of the last minute
	env.Delete(kit.Object("ClusterRoleBinding.v1.rbac.authorization.k8s.io", "", env.Name("carol")+"-"+env.Name("creator")))
	km = start(t, env, system)
	late := env.Namespace("late")
	env.WaitFor(secret("c"), "has an author who may not", reports("1/2 synced: "+late+`: its author "`+env.Name("carol")+`" may not create secrets there`))
	env.Get(kit.Object("Secret", a, "c")) // stays

	t.Log("a trusted account is asked about as soon as it is trusted no more")
	mark = env.Mark()
	as(t, env, "operator", asking("o", "target-namespaces=PREFIX-a,PREFIX-later"), "create -f-")
	env.WaitFor(secret("o"), "is synced but for the name", reports("1/2 synced: no namespace"))
	if asked := questions(t, env, km, mark); len(asked) > 0 {
		t.Errorf("about a trusted account it asked:\n%s", asked)
	}
	km.Stop()
	must(t, "trust it no more", helm(t, "upgrade", "kubemirror", path(t, "charts", "kubemirror"), "--namespace="+system, "--kubeconfig="+admin(t, env), "--reuse-values",
		"--set-json=policies.trustedUsers=[]", "--force-conflicts"))
	km = start(t, env, system)
	later := env.Namespace("later")
	env.WaitFor(secret("o"), "has an author who may not", reports("1/2 synced: "+later+`: its author "`+env.Name("operator")+`" may not create secrets there`))

	t.Log("the controller is refused nothing")
	km.Stop()
	for _, r := range asked(t, env, mark, km.User) {
		if r.Code == 401 || r.Code == 403 {
			t.Errorf("the server answered %d to %s", r.Code, r)
		}
	}
}

func TestWithoutTheFlagNobodyIsAskedAbout(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	env.Namespace("target")
	system := "system-" + env.Prefix()
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	release(t, env, system, "--set=controller.includedNamespaces="+env.Prefix()+"-*")
	mark := env.Mark()
	km := start(t, env, system)
	env.Apply(source("v1", "Secret", env.Name("src"), "db"))
	o := env.WaitFor(kit.Object("Secret", env.Name("src"), "db"), "is synced", synced)
	if stamp, there := o.GetAnnotations()[authorKey]; there {
		t.Errorf("it has the author %q", stamp)
	}
	if asked := questions(t, env, km, mark); len(asked) > 0 {
		t.Errorf("it asked:\n%s", asked)
	}
	for _, kind := range []string{"MutatingAdmissionPolicy.v1.admissionregistration.k8s.io", "ClusterRole.v1.rbac.authorization.k8s.io"} {
		if env.Find(kit.Object(kind, "", "kubemirror-authors")) != nil {
			t.Errorf("there is a %s for authors", kind)
		}
	}
}
