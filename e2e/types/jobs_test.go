package types

import (
	"errors"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// findsItsOwnPods is the check of a Job that selects Pods by its own UID and name, and has
// so many of them at a time.
func findsItsOwnPods(parallelism int64) kit.Check {
	return func(o *unstructured.Unstructured) error {
		selector, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
		labels, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
		got, _, _ := unstructured.NestedInt64(o.Object, "spec", "parallelism")
		uid := string(o.GetUID())
		var errs []error
		if len(selector) != 1 || selector["batch.kubernetes.io/controller-uid"] != uid {
			errs = append(errs, fmt.Errorf("it selects %v, and its UID is %s", selector, uid))
		}
		if len(labels) != 5 || labels["app"] != "migrate" || labels["controller-uid"] != uid || labels["batch.kubernetes.io/controller-uid"] != uid ||
			labels["job-name"] != o.GetName() || labels["batch.kubernetes.io/job-name"] != o.GetName() {
			errs = append(errs, fmt.Errorf("its Pods have the labels %v", labels))
		}
		if got != parallelism {
			errs = append(errs, fmt.Errorf("it has the parallelism %d, want %d", got, parallelism))
		}
		return errors.Join(errs...)
	}
}

// The server gives each Job a selector and labels of its own; a copy of them would have
// one Job find the other's Pods, and be refused.
func TestAJobIsMirroredAndFindsItsOwnPods(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	job := kit.Object("Job.v1.batch", src, "one")
	env.Apply(source(job, `{spec: {suspend: true, parallelism: 2, template: {metadata: {labels: {app: migrate}}, spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}`))
	env.WaitFor(job, "has its own selector", findsItsOwnPods(2))
	km := env.Start("--resource-types=Job.v1.batch,ConfigMap.v1")
	env.WaitFor(job, "is mirrored", isInSync)
	first := env.WaitFor(job.In(a), "is there", findsItsOwnPods(2))

	env.Patch(job, `{"spec":{"parallelism":3}}`)
	env.WaitFor(job.In(a), "follows its source", findsItsOwnPods(3))
	env.Patch(job.In(a), `{"spec":{"parallelism":1}}`)
	last := env.WaitFor(job.In(a), "is put right", findsItsOwnPods(3))
	if first.GetUID() != last.GetUID() {
		t.Error("it was made anew, and would have run again")
	}
	rests(t, env, km)
	km.Stop()
	mark := env.Mark()
	again := env.Start("--resource-types=Job.v1.batch,ConfigMap.v1")
	rests(t, env, again)
	for _, r := range again.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Resources: []string{"jobs"}}) {
		t.Errorf("started again, it wrote: %s", r)
	}
	env.Delete(job)
	env.WaitGone(job)
	env.WaitGone(job.In(a))
}
