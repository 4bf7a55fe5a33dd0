package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// answers is the third act: kubectl mirror says why a mirror isn't there, and what a change
// would do before it is made.
func (s *show) answers(ctx context.Context) error {
	s.screen.keep("", "A namespace store-eu is made that refuses mirrors. Why has it none?", "")
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	namespace.SetName("store-eu")
	namespace.SetLabels(map[string]string{domain + "allow-mirrors": "false"})
	if err := s.cluster.apply(ctx, namespace); err != nil {
		return err
	}
	if err := s.ask(ctx, "", "why", "configmap/storefront", "--in", "store-eu"); err != nil {
		return err
	}
	s.screen.keep("", "And if the ConfigMap storefront left store-prod out, and had one more key?", "")
	changed, err := s.storefront()
	if err != nil {
		return err
	}
	return s.ask(ctx, changed, "plan", "-f", "-")
}

// storefront is the source of that name as it might become.
func (s *show) storefront() (string, error) {
	for _, source := range s.sources {
		if source.GetName() != "storefront" {
			continue
		}
		changed := source.DeepCopy()
		annotations := changed.GetAnnotations()
		annotations[domain+"target-namespaces"] += ",!store-prod"
		changed.SetAnnotations(annotations)
		err := unstructured.SetNestedField(changed.Object, "42", "data", "ANSWER")
		text, also := yaml.Marshal(changed.Object)
		return string(text), errors.Join(err, also)
	}
	return "", errors.New("there is no example storefront")
}

// ask runs kubectl mirror. That something is not as it should be, or would change, is no
// error: it is what is shown.
func (s *show) ask(ctx context.Context, stdin string, args ...string) error {
	kubeconfig, err := s.plane.Kubeconfig("demo", admins)
	if err != nil {
		return err
	}
	s.screen.keep("$ kubectl mirror " + strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, s.plugin, append(args, "--kubeconfig="+kubeconfig, "--controller-flags=")...) //nolint:gosec // our own program
	cmd.Dir, cmd.Stdin = filepath.Dir(s.plugin), strings.NewReader(stdin)
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) && failed.ExitCode() != 1 {
		return fmt.Errorf("kubectl mirror %s: %w: %s", strings.Join(args, " "), err, failed.Stderr)
	} else if failed == nil && err != nil {
		return err
	}
	s.screen.keep(strings.Split(strings.TrimSpace(string(out)), "\n")...)
	return nil
}
