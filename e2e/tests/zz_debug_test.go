package tests

import (
	"fmt"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestZZ(t *testing.T) {
	env := kit.New(t)
	src := kit.Object("Service", env.Namespace("src"), "web")
	mirror := src.In(env.Namespace("a"))
	km := env.Start("--resource-types=Service.v1", "-v=4")
	for i := range 10 {
		for _, step := range []struct{ says, spec string }{
			{"a cluster address", webSelector + ", type: ClusterIP, " + webPort},
			{"a node port", webSelector + ", type: NodePort, " + webPort},
			{"a load balancer", webSelector + ", type: LoadBalancer, " + webPort},
			{"a load balancer for local traffic", webSelector + ", type: LoadBalancer, externalTrafficPolicy: Local, " + webPort},
			{"a node port again", webSelector + ", type: NodePort, " + webPort},
			{"a cluster address again", webSelector + ", type: ClusterIP, " + webPort},
			{"another port", webSelector + ", type: ClusterIP, ports: [{port: 81, targetPort: http}]"},
			{"a name elsewhere", "type: ExternalName, externalName: web.example.com"},
			{"another name elsewhere", "type: ExternalName, externalName: other.example.com"},
			{"no address", webSelector + ", type: ClusterIP, clusterIP: None, " + webPort},
			{"a name elsewhere again", "type: ExternalName, externalName: web.example.com"},
			{"a node port straight from there", webSelector + ", type: NodePort, " + webPort},
		} {
			o := env.Apply(serviceSource(src, step.spec))
			env.WaitFor(mirror, "is", kit.Exists)
			for n := 0; sameFields(env.Get(mirror), env.Get(src)) != nil; n++ {
				time.Sleep(150 * time.Millisecond)
				if n < 20 {
					continue
				}
				fmt.Println(i, step, "apply", o.GetResourceVersion(), o.Object["spec"])
				o = env.Get(src)
				fmt.Println(i, "get", o.GetResourceVersion(), o.Object["spec"])
				o = env.Get(mirror)
				fmt.Println(i, "mirror", o.GetAnnotations()[domain+"source-content-hash"], o.GetAnnotations()[domain+"source-resource-version"], o.GetResourceVersion(), o.Object["spec"])
				env.Annotate(src, "x=y")
				time.Sleep(500 * time.Millisecond)
				o = env.Get(mirror)
				fmt.Println(i, "mirror", o.GetAnnotations()[domain+"source-content-hash"], o.GetAnnotations()[domain+"source-resource-version"], o.GetResourceVersion(), o.Object["spec"])
				fmt.Println(km.Log())
				t.FailNow()
			}
			km.WaitQuiet(200 * time.Millisecond)
		}
	}
}
