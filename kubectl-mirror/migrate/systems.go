package migrate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Options is what the plan depends on beside the cluster.
type Options struct {
	// NamespaceFor is where Secrets are to be made for ClusterSecrets.
	NamespaceFor string
	Now          time.Time
}

// System is another one that copies objects.
type System struct {
	// Name is how it is called on the command line.
	Name string
	// Reads are the resources in which it leaves traces; none stands for all that are served,
	// by the labels that it shares with us.
	Reads []schema.GroupVersionResource
	// images are parts of the names of images that its controller runs from.
	images []string
	plan   func(*Cluster, Options) *Plan
}

var (
	secrets         = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	configMaps      = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	serviceAccounts = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	roles           = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"}
	roleBindings    = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}
	clusterSecrets  = schema.GroupVersionResource{Group: "clustersecret.io", Version: "v1", Resource: "clustersecrets"}
)

// Systems are those that can be taken over from.
var Systems = []System{
	{"replicator", []schema.GroupVersionResource{secrets, configMaps, roles, roleBindings, serviceAccounts}, []string{"kubernetes-replicator"}, fromReplicator},
	{"reflector", []schema.GroupVersionResource{secrets, configMaps}, []string{"kubernetes-reflector"}, fromReflector},
	{"config-syncer", []schema.GroupVersionResource{secrets, configMaps}, []string{"config-syncer", "kubed"}, fromConfigSyncer},
	{"clustersecret", []schema.GroupVersionResource{clusterSecrets, secrets}, []string{"clustersecret"}, fromClusterSecret},
	{"kubemirror", nil, []string{"kubemirror"}, fromKubemirror},
}

// Names are those of the systems.
func Names() []string {
	var names []string
	for _, s := range Systems {
		names = append(names, s.Name)
	}
	return names
}

// Find returns a system by its name.
func Find(name string) (System, error) {
	i := slices.IndexFunc(Systems, func(s System) bool { return s.Name == name })
	if i < 0 {
		return System{}, fmt.Errorf("--from: %q is none of %s", name, strings.Join(Names(), ", "))
	}
	return Systems[i], nil
}

// Plan decides what is to be done.
func (s System) Plan(c *Cluster, o Options) *Plan {
	c.sort()
	return s.plan(c, o)
}
