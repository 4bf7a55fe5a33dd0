package migrate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Options is what the plan depends on beside the cluster.
type Options struct {
	// NamespaceFor is where Secrets are to be made for ClusterSecrets.
	NamespaceFor string
	// Settings are KubeMirror's, which decide what will be mirrored; Origin says where they are from.
	Settings mirror.Settings
	Origin   string
	Now      time.Time
}

// Defaults are the settings of a KubeMirror without flags.
func Defaults(context.Context) (settings mirror.Settings, origin string, err error) {
	settings.MaxTargets = 100
	settings.Strip, err = mirror.ParseStrip("")
	return settings, "KubeMirror's default flags", err
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
	p := s.plan(c, o)
	p.Origin = o.Origin
	for _, unread := range c.Unread {
		p.Notes = append(p.Notes, unread+": can't be read now, so nothing of it is told or done")
	}
	return p
}
