package kube

import (
	"net/http"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// inProtobuf has the types that are watched in protobuf, which costs the server and
// this process a fraction of what JSON does: those that most mirrors are of.
var inProtobuf = map[schema.GroupVersionResource]bool{
	{Version: "v1", Resource: "secrets"}:    true,
	{Version: "v1", Resource: "configmaps"}: true,
}

// newProtobufClient makes a client that reads these types in protobuf. Its scheme
// knows no others: that of client-go's clientset would link every built-in type.
// A field that a newer server has and this program doesn't know is read as absent.
func newProtobufClient(config *rest.Config, client *http.Client) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(corev1.SchemeGroupVersion, &corev1.Secret{}, &corev1.SecretList{}, &corev1.ConfigMap{}, &corev1.ConfigMapList{})
	metav1.AddToGroupVersion(scheme, corev1.SchemeGroupVersion)
	config = rest.CopyConfig(config)
	config.APIPath, config.GroupVersion = "/api", &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf
	return rest.RESTClientForConfigAndClient(config, client)
}
