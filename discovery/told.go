package discovery

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
)

// told is what the log has been told of failures. Each is logged when it
// begins, changes and ends, and not at every look in between.
type told struct {
	failing bool
	failed  []string
	missing map[Name]string
}

// failure logs that discovery fails as a whole, or works again.
func (t *told) failure(ctx context.Context, err error) {
	logger := klog.FromContext(ctx)
	switch {
	case err != nil && !t.failing:
		logger.Error(err, "resource discovery fails: the types stay as they are, and it is tried again")
	case err == nil && t.failing:
		logger.Info("resource discovery works again")
	}
	t.failing = err != nil
}

// groups logs which group versions could not be read, when they are other ones
// than before.
func (t *told) groups(ctx context.Context, failed map[schema.GroupVersion]error) {
	now := []string{}
	reasons := map[string]error{}
	for gv, err := range failed {
		now = append(now, gv.String())
		reasons[gv.String()] = err
	}
	slices.Sort(now)
	if slices.Equal(now, t.failed) {
		return
	}
	logger := klog.FromContext(ctx)
	if len(now) > 0 {
		logger.Error(reasons[now[0]], "resource discovery fails for some API groups: their types stay as they are, and it is tried again", "groupVersions", now)
	} else {
		logger.Info("resource discovery works again for all API groups")
	}
	t.failed = now
}

// absent logs each named type that can't be mirrored, when it becomes so or for
// another reason than before. A type that is kept regardless is not logged.
func (t *told) absent(ctx context.Context, absent []missing, kept []Type) {
	now := map[Name]string{}
	for _, m := range absent {
		now[m.name] = m.reason
	}
	for _, k := range kept {
		delete(now, k.name())
	}
	for _, m := range absent {
		if reason, ok := now[m.name]; ok && t.missing[m.name] != reason {
			klog.FromContext(ctx).Error(nil, "a type in --resource-types can't be mirrored", "type", m.name.String(), "reason", reason)
		}
	}
	t.missing = now
}
