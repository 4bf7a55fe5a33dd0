package leader

import (
	"context"
	"fmt"
	"net/http"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// Leases is what an election needs of the API for the Leases of one namespace.
// client-go's LeaseInterface has these methods too.
type Leases interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (*coordinationv1.Lease, error)
	Create(ctx context.Context, lease *coordinationv1.Lease, options metav1.CreateOptions) (*coordinationv1.Lease, error)
	Update(ctx context.Context, lease *coordinationv1.Lease, options metav1.UpdateOptions) (*coordinationv1.Lease, error)
}

// NewLeases returns the Leases of a namespace on the API server that config and
// client reach. Requests pass no rate limiter: a renewal never queues behind the
// writes of mirrors.
func NewLeases(config *rest.Config, client *http.Client, namespace string) (Leases, error) {
	scheme := runtime.NewScheme()
	if err := coordinationv1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("make the client for leases: %w", err)
	}
	config = rest.CopyConfig(config)
	config.APIPath, config.GroupVersion = "/apis", &coordinationv1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.RateLimiter, config.QPS = nil, -1
	restClient, err := rest.RESTClientForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("make the client for leases: %w", err)
	}
	return leases{restClient, namespace}, nil
}

type leases struct {
	client    rest.Interface
	namespace string
}

// Get implements Leases.
func (l leases) Get(ctx context.Context, name string, options metav1.GetOptions) (*coordinationv1.Lease, error) {
	return l.send(ctx, l.client.Get().Name(name).VersionedParams(&options, metav1.ParameterCodec))
}

// Create implements Leases.
func (l leases) Create(ctx context.Context, lease *coordinationv1.Lease, options metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return l.send(ctx, l.client.Post().VersionedParams(&options, metav1.ParameterCodec).Body(lease))
}

// Update implements Leases.
func (l leases) Update(ctx context.Context, lease *coordinationv1.Lease, options metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	return l.send(ctx, l.client.Put().Name(lease.Name).VersionedParams(&options, metav1.ParameterCodec).Body(lease))
}

func (l leases) send(ctx context.Context, request *rest.Request) (*coordinationv1.Lease, error) {
	lease := &coordinationv1.Lease{}
	err := request.Namespace(l.namespace).Resource("leases").Do(ctx).Into(lease)
	return lease, err
}
