package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// row is what would happen in a namespace.
type row struct {
	target       *explain.Target
	action, text string
	// have is the mirror that is there, where the user may read it; unread says that he may
	// not.
	have   *unstructured.Unstructured
	unread bool
}

// changes reports whether a mirror would be written or deleted.
func (r row) changes() bool {
	return slices.Contains([]string{"create", "change", "recreate", "delete"}, r.action)
}

// rows are what would happen in each namespace where something would.
func (p *plan) rows(ctx context.Context, reader explain.Reader, c change, report *explain.Report) ([]row, error) {
	var rows []row
	for n := range report.Targets {
		r, err := p.row(ctx, reader, c, &report.Targets[n])
		if err != nil {
			return nil, err
		}
		if r.action != "" {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// row says what would happen in one namespace; no action is nothing.
func (p *plan) row(ctx context.Context, reader explain.Reader, c change, t *explain.Target) (row, error) {
	r := row{target: t, text: t.Why}
	r.action = actionOf(t)
	if t.Existing() != "" && r.changes() {
		have, err := reader.Whole(ctx, c.kind.Resource, t.Namespace, t.Existing())
		if r.unread = apierrors.IsForbidden(err); err != nil && !r.unread {
			return r, fmt.Errorf("can't read the mirror %s/%s: %w", t.Namespace, t.Existing(), errors.New(mirror.WriteProblem("get", err).Text))
		}
		r.have = have
	}
	switch r.action {
	case "create":
		r.text = asked(t)
	case "change", "recreate":
		r.text = r.differences(c)
		if r.have != nil && mirror.IsImmutable(r.have.Object) && !sameContent(r.have, t.Desired()) {
			r.action = "recreate"
		}
	}
	if going := t.Going(); len(going) > 0 && r.action != "blocked" {
		r.text = strings.TrimPrefix(r.text+fmt.Sprintf("; %s goes", strings.Join(going, ", ")), "; ")
	}
	return r, nil
}

// actionOf is what becomes of a namespace in one word; empty where nothing does.
func actionOf(t *explain.Target) string {
	switch {
	case t.Outcome == explain.Unclear:
		return "unclear"
	case t.Outcome == explain.Blocked && t.Next() == mirror.None, t.Outcome == explain.Refused, t.Outcome == explain.Kept && t.Reason != "":
		return string(t.Outcome)
	}
	switch t.Next() {
	case mirror.Create:
		return "create"
	case mirror.Replace, mirror.Read:
		return "change"
	case mirror.Recreate:
		return "recreate"
	case mirror.Delete:
		return "delete"
	case mirror.Leave:
		return "leave"
	}
	if len(t.Going()) > 0 {
		return "delete"
	}
	return ""
}

func sameContent(a, b *unstructured.Unstructured) bool {
	return b != nil && mirror.HashContent(mirror.Content(a.Object)) == mirror.HashContent(mirror.Content(b.Object))
}

// asked is what the source asks for a namespace by.
func asked(t *explain.Target) string {
	for _, check := range t.Checks {
		if check.Name == "asked" {
			return check.Text
		}
	}
	return ""
}

// sum is all rows in one line.
func sum(rows []row) string {
	count := map[string]int{}
	for _, r := range rows {
		count[r.action]++
	}
	var parts []string
	for _, action := range []string{"create", "change", "recreate", "delete", "leave", "blocked", "kept", "refused", "unclear"} {
		if count[action] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[action], action))
		}
	}
	if len(parts) == 0 {
		return "nothing changes"
	}
	namespaces := "namespaces"
	if len(rows) == 1 {
		namespaces = "namespace"
	}
	return fmt.Sprintf("%d %s: %s", len(rows), namespaces, strings.Join(parts, ", "))
}
