package discovery

import (
	"context"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
)

// failures knows what has been logged as failing, so that a failure is logged when
// it begins, changes and ends, and not each time that it is met.
type failures struct {
	mu     sync.Mutex
	failed map[string]string
}

// changed records what is wrong with a subject, or nothing with "", and reports
// whether that is another thing than before.
func (f *failures) changed(subject, failure string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		f.failed = map[string]string{}
	}
	before := f.failed[subject]
	f.failed[subject] = failure
	return before != failure
}

// logFailure logs that discovery fails as a whole, or works again.
func (w *Watcher) logFailure(ctx context.Context, err error) {
	failure := ""
	if err != nil {
		failure = "failed"
	}
	switch logger := klog.FromContext(ctx); {
	case !w.changes.failures.changed("discovery", failure):
	case err != nil:
		logger.Error(err, "Resource discovery fails: the types stay as they are, and it is tried again")
	default:
		logger.Info("Resource discovery works again")
	}
}

// logFailedGroups logs which group versions could not be read.
func (w *Watcher) logFailedGroups(ctx context.Context, failed map[schema.GroupVersion]error) {
	versions := []string{}
	reasons := map[string]error{}
	for gv, err := range failed {
		versions = append(versions, gv.String())
		reasons[gv.String()] = err
	}
	slices.Sort(versions)
	switch logger := klog.FromContext(ctx); {
	case !w.changes.failures.changed("groups", strings.Join(versions, ",")):
	case len(versions) > 0:
		logger.Error(reasons[versions[0]], "Resource discovery fails for some API groups: their types stay as they are, and it is tried again; see their APIServices", "groupVersions", versions)
	default:
		logger.Info("Resource discovery works again for all API groups")
	}
}

// logUnavailable logs each named type that can't be mirrored, when it becomes so or
// for another reason than before. A type that is kept regardless is not logged.
func (w *Watcher) logUnavailable(ctx context.Context, absent []unavailable, kept []Type) {
	reasons := map[Name]string{}
	for _, a := range absent {
		reasons[a.name] = a.reason
	}
	for _, t := range kept {
		delete(reasons, t.name())
	}
	for _, name := range w.named {
		reason := reasons[name]
		if w.changes.failures.changed(name.String(), reason) && reason != "" {
			klog.FromContext(ctx).Error(nil, "A type in --resource-types can't be mirrored", "type", name.String(), "reason", reason)
		}
	}
}

// logUndecided logs which kinds of Kubernetes' own this version doesn't know.
func (w *Watcher) logUndecided(ctx context.Context, kinds []string) {
	if w.changes.failures.changed("undecided", strings.Join(kinds, ",")) && len(kinds) > 0 {
		klog.FromContext(ctx).Info("Kubernetes has kinds that are newer than this version: they are not mirrored unless --resource-types names them", "kinds", kinds)
	}
}
