package main

import (
	"fmt"
	"time"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
)

const (
	secrets    = "secrets"
	configMaps = "configmaps"
)

// teams are the namespaces of a small company.
var teams = []string{
	"accounts", "billing", "catalog", "checkout", "data-pipelines", "fulfilment", "identity",
	"notifications", "payments", "recommendations", "search", "storefront",
}

// few are sources as a cluster may have them, with every outcome there is.
func few() []explain.Report {
	return []explain.Report{
		newSource(configMaps, "ConfigMap", "observability", "otel-collector", except(teams, "otel-collector", map[string]explain.Target{
			"search": not(explain.Pending, "search", "otel-collector", "replace", "the controller is about to replace it",
				"kubectl mirror wait configmaps/otel-collector -n observability", 4*time.Second),
		})...),
		newSource(configMaps, "ConfigMap", "platform", "ca-bundle", except(teams, "ca-bundle", nil)...),
		newSource(secrets, "Secret", "platform", "registry", except(teams, "registry", map[string]explain.Target{
			"checkout": not(explain.Blocked, "checkout", "registry", "none",
				"Secret registry is there and is not a mirror; it is left as it is", "kubectl get secrets registry -n checkout --show-labels", 42*time.Minute),
			"payments": not(explain.Refused, "payments", "", "none", `the namespace's allow-from is "security", and platform is not in it`,
				"kubectl annotate namespace payments --overwrite kubemirror.raczylo.com/allow-from=security,platform", 3*time.Hour),
			"storefront": not(explain.Pending, "storefront", "registry", "create", "the controller is about to create it",
				"kubectl mirror wait secrets/registry -n platform", 2*time.Second),
		})...),
		stopped(newSource(secrets, "Secret", "platform", "smtp", kept("accounts", "smtp"), kept("notifications", "smtp")),
			"it is paused: its mirrors stay as they are", "kubectl annotate secrets smtp -n platform kubemirror.raczylo.com/paused-"),
		newSource(secrets, "Secret", "security", "internal-ca", at("billing", "internal-ca"), at("identity", "internal-ca"), at("payments", "internal-ca"),
			not(explain.Leaving, "recommendations", "internal-ca", "delete", `"!recommendations" in target-namespaces takes it away`, "", time.Second)),
		newSource(secrets, "Secret", "security", "signing-keys", at("identity", "signing-keys-v2"),
			not(explain.Unclear, "payments", "signing-keys-v2", "read", "the mirror can't be read: you may not", "", 6*time.Minute)),
	}
}

// except are mirrors in all the namespaces, but for some.
func except(namespaces []string, name string, others map[string]explain.Target) (all []explain.Target) {
	for _, namespace := range namespaces {
		t, other := others[namespace]
		if !other {
			t = at(namespace, name)
		}
		all = append(all, t)
	}
	return all
}

func kept(namespace, name string) explain.Target {
	return explain.Target{
		Namespace: namespace, Outcome: explain.Kept, Mirror: name, Action: "none",
		Why: "it is paused: its mirrors stay as they are", Since: now.Add(-50 * time.Hour),
	}
}

func stopped(r explain.Report, why, do string) explain.Report {
	r.Checks = append(r.Checks[:3:3], explain.Check{Name: "readable", State: explain.No, Text: why, Do: do}, explain.Check{Name: "source", State: explain.NotReached})
	return r
}

// many are sources with a mirror that isn't in sync here and there.
func many(sources, mirrors int) (all []explain.Report) {
	outcomes := []explain.Outcome{explain.Pending, explain.Blocked, explain.Refused, explain.Kept, explain.Leaving, explain.Unclear, explain.Absent}
	for s := range sources {
		r := newSource(secrets, "Secret", fmt.Sprintf("product-%02d", s/10), fmt.Sprintf("credentials-%03d", s))
		for m := range mirrors {
			namespace := fmt.Sprintf("team-%03d", (s*7+m)%300)
			n := s*mirrors + m
			if t := at(namespace, r.Name); n%9 != 0 {
				r.Targets = append(r.Targets, t)
			} else {
				outcome := outcomes[n/9%len(outcomes)]
				r.Targets = append(r.Targets, not(outcome, namespace, r.Name, "none", "why it is "+string(outcome), "", time.Duration(n)*time.Second))
			}
		}
		all = append(all, r)
	}
	return all
}
