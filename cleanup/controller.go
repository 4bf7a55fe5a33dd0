package cleanup

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/metadata"
)

// endTimeout is how long the controller may take to end: it is granted 30 s, and
// the node and the garbage collector have their part.
const endTimeout = 2 * time.Minute

var deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

// endController deletes the Deployment in the foreground: the server lets go of it
// only when its Pods are gone. One that is not there has ended.
func endController(ctx context.Context, client metadata.Interface, name types.NamespacedName) error {
	objects := client.Resource(deployments).Namespace(name.Namespace)
	err := objects.Delete(ctx, name.Name, metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationForeground)})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete the Deployment %s: %w", name, err)
	}
	err = wait.PollUntilContextTimeout(ctx, time.Second, endTimeout, true, func(ctx context.Context) (bool, error) {
		_, err := objects.Get(ctx, name.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if err != nil {
		return fmt.Errorf("wait until the Deployment %s and its Pods are gone: %w; see what holds them up and run this again", name, err)
	}
	return nil
}
