package install

import (
	"strings"
	"testing"
)

// formerValues are all that the chart of the kubemirror before had (0.4.18), as they were by
// default.
const formerValues = `
replicaCount: 1
image: {repository: ghcr.io/lukaszraczylo/kubemirror, pullPolicy: IfNotPresent, tag: "0.1.0"}
imagePullSecrets: []
nameOverride: ""
fullnameOverride: ""
serviceAccount: {create: true, annotations: {}, name: ""}
podAnnotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080", prometheus.io/path: "/metrics"}
podSecurityContext: {runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: {drop: [ALL]}}
controller:
  metricsBindAddress: ":8080"
  healthProbeBindAddress: ":8081"
  leaderElect: true
  leaderElectionID: kubemirror-controller-leader
  resourceTypes: []
  discoveryInterval: 5m
  resyncPeriod: 10m
  maxTargets: 100
  workerThreads: 5
  rateLimitQPS: 50.0
  rateLimitBurst: 100
  verifySourceFreshness: false
  lazyWatcherInit: false
  watcherScanInterval: 5m
  excludedNamespaces: ""
  includedNamespaces: ""
service: {type: ClusterIP, metricsPort: 8080, healthPort: 8081}
resources: {limits: {cpu: 500m, memory: 512Mi}, requests: {cpu: 100m, memory: 128Mi}}
nodeSelector: {}
tolerations: []
affinity: {}
priorityClassName: ""
`

func TestTheValuesOfTheChartBeforeAreTakenAsTheyWere(t *testing.T) {
	objects := render(t, "--values="+file(t, formerValues))
	if got := deployment(t, of(t, objects, "Deployment", "kubemirror")).Spec.Replicas; got == nil || *got != 1 {
		t.Errorf("replicaCount: 1 makes %v replicas", got)
	}
	notes := must(t, "render", helm(t, "template", "kubemirror", withNotes(t), "--values="+file(t, formerValues)))
	if want := "These values do nothing any more, and can be left out: controller.resyncPeriod, controller.verifySourceFreshness, controller.lazyWatcherInit, controller.watcherScanInterval."; !strings.Contains(notes, want) {
		t.Errorf("the notes don't say %q", want)
	}
}

func TestAValueOfTheChartBeforeThatWouldBeLostIsRefusedWithWhereItHasGone(t *testing.T) {
	for set, want := range map[string]string{
		"service.type=LoadBalancer":                   "add a Service of your own",
		"service.metricsPort=9090":                    "it is the port of controller.metricsBindAddress now",
		"service.healthPort=9091":                     "it is the port of controller.healthProbeBindAddress now",
		"controller.leaderElectionID=mine":            "the Lease is kubemirror-controller-leader now",
		"replicaCount=2,replicas=3":                   "",
		"replicaCount=2":                              "",
		"controller.resyncPeriods=10m":                "resyncPeriods", // a slip is one still
		"controller.resyncPeriod=10m":                 "",
		"service.metricsPort=8080":                    "",
		"controller.leaderElect=false,replicaCount=2": "more than 1 needs controller.leaderElect",
	} {
		got := helm(t, "template", "kubemirror", path(t, "charts", "kubemirror"), "--set="+set)
		if want == "" {
			must(t, "render with "+set, got)
		} else if got.code == 0 || !strings.Contains(got.String(), want) {
			t.Errorf("%s: %s; it should say %q", set, got, want)
		}
	}
}
