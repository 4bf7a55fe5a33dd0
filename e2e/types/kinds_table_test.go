package types

// kind is one of the kinds that people mirror.
type kind struct {
	// name is written as in --resource-types.
	name string
	// object is a source of it, without its metadata; change is what its author changes
	// then, and tamper what somebody else changes on the mirror, as merge patches.
	object, change, tamper string
}

// builtIn are kinds that the server has by itself.
var builtIn = []kind{
	{
		name: "Service.v1",
		object: `{spec: {selector: {app: web}, sessionAffinity: ClientIP, ports: [
			{name: http, port: 80, targetPort: http}, {name: metrics, port: 9090, targetPort: 9090, protocol: TCP}]}}`,
		change: `{spec: {ports: [{name: http, port: 8080, targetPort: 8080}], selector: {app: web, tier: front}}}`,
		tamper: `{spec: {selector: {app: mine}}}`,
	},
	{
		name: "Ingress.v1.networking.k8s.io",
		object: `{spec: {ingressClassName: nginx, tls: [{hosts: [web.example.com], secretName: web-tls}], rules: [
			{host: web.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}}]}}`,
		change: `{spec: {ingressClassName: traefik, tls: null}}`,
		tamper: `{spec: {rules: [{host: mine.example.com}]}}`,
	},
	{
		name: "NetworkPolicy.v1.networking.k8s.io",
		object: `{spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}],
			ports: [{port: 443}]}]}}`,
		change: `{spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress], egress: [{}]}}`,
		tamper: `{spec: {ingress: [{}]}}`,
	},
	{
		name: "Deployment.v1.apps",
		object: `{spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {
			containers: [{name: web, image: "web:1", ports: [{containerPort: 80}], env: [{name: A, value: b}], resources: {limits: {cpu: 1500m, memory: 1Gi}},
			readinessProbe: {httpGet: {path: /, port: 80}}}], volumes: [{name: config, configMap: {name: web}}]}}}}`,
		change: `{spec: {replicas: 3, strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}}}`,
		tamper: `{spec: {replicas: 0, template: {spec: {containers: [{name: web, image: "mine:1"}]}}}}`,
	},
	{
		name: "StatefulSet.v1.apps",
		object: `{spec: {serviceName: db, replicas: 1, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {
			containers: [{name: db, image: "db:1"}]}}, volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}`,
		change: `{spec: {replicas: 3, minReadySeconds: 5}}`,
		tamper: `{spec: {replicas: 0}}`,
	},
	{
		name: "DaemonSet.v1.apps", // of which the server itself writes an annotation
		object: `{spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {
			containers: [{name: agent, image: "agent:1"}]}}}}`,
		change: `{spec: {template: {spec: {containers: [{name: agent, image: "agent:2"}]}}}}`,
		tamper: `{spec: {template: {spec: {containers: [{name: agent, image: "mine:1"}]}}}}`,
	},
	{
		name:   "PodTemplate.v1",
		object: `{template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: "web:1"}]}}}`,
		change: `{template: {spec: {containers: [{name: web, image: "web:2"}]}}}`,
		tamper: `{template: {metadata: {labels: null}}}`,
	},
	{
		name: "CronJob.v1.batch",
		object: `{spec: {schedule: "0 3 * * *", suspend: true, jobTemplate: {spec: {template: {spec: {restartPolicy: OnFailure,
			containers: [{name: backup, image: "backup:1", args: [--all]}]}}}}}}`,
		change: `{spec: {schedule: "30 4 * * 1-5", timeZone: Europe/Warsaw, concurrencyPolicy: Forbid}}`,
		tamper: `{spec: {schedule: "* * * * *"}}`,
	},
	{
		name: "HorizontalPodAutoscaler.v2.autoscaling",
		object: `{spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 5, metrics: [
			{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}], behavior: {scaleDown: {stabilizationWindowSeconds: 60}}}}`,
		change: `{spec: {maxReplicas: 9, metrics: [{type: Pods, pods: {metric: {name: requests}, target: {type: AverageValue, averageValue: "100"}}}]}}`,
		tamper: `{spec: {maxReplicas: 99}}`,
	},
	{
		name:   "LimitRange.v1",
		object: `{spec: {limits: [{type: Container, default: {cpu: 500m}, defaultRequest: {memory: 64Mi}}, {type: Pod, max: {cpu: "4"}}]}}`,
		change: `{spec: {limits: [{type: Container, default: {cpu: "1", memory: 0.5Gi}}]}}`,
		tamper: `{spec: {limits: []}}`,
	},
	{
		name:   "ResourceQuota.v1",
		object: `{spec: {hard: {pods: "10", requests.cpu: "4", limits.memory: 8Gi}}}`,
		change: `{spec: {hard: {pods: "20", requests.cpu: null}}}`,
		tamper: `{spec: {hard: {pods: "1000"}}}`,
	},
	{
		name:   "PodDisruptionBudget.v1.policy",
		object: `{spec: {minAvailable: 50%, selector: {matchLabels: {app: web}}}}`,
		change: `{spec: {minAvailable: 1, unhealthyPodEvictionPolicy: AlwaysAllow}}`,
		tamper: `{spec: {minAvailable: 100%}}`,
	},
}

// custom are kinds that come from definitions: those in testdata.
var custom = []kind{
	{
		name:   "Middleware.v1alpha1.traefik.io",
		object: `{spec: {rateLimit: {average: 100, burst: 50, period: 1m}, headers: {customRequestHeaders: {X-Team: blue}, stsSeconds: 31536000}, plugin: {geo: {countries: [PL], deep: {list: [1, 2.5, null]}}}}}`,
		change: `{spec: {rateLimit: {period: 10}, plugin: {geo: {countries: [PL, DE]}}}}`,
		tamper: `{spec: {headers: null}}`,
	},
	{
		name: "IngressRoute.v1alpha1.traefik.io",
		object: `{spec: {entryPoints: [websecure], routes: [{kind: Rule, match: "Host(` + "`web.example.com`" + `)", priority: 10, middlewares: [{name: limit}],
			services: [{name: web, port: http, weight: 3, sticky: {cookie: {name: s}}}, {name: web2, port: 8080}]}], tls: {certResolver: le, domains: [{main: example.com, sans: ["*.example.com"]}]}}}`,
		change: `{spec: {entryPoints: [web, websecure], tls: {}}}`,
		tamper: `{spec: {routes: [{match: "PathPrefix(/)"}]}}`,
	},
	{
		name: "Certificate.v1.cert-manager.io",
		object: `{spec: {secretName: web-tls, dnsNames: [web.example.com, www.example.com], duration: 2160h0m0s, renewBefore: 360h0m0s, privateKey: {algorithm: ECDSA, size: 256, rotationPolicy: Always},
			issuerRef: {name: le, kind: ClusterIssuer}, secretTemplate: {labels: {a: b}}, additionalOutputFormats: [{type: CombinedPEM}]}}`,
		change: `{spec: {dnsNames: [web.example.com], usages: [server auth], secretTemplate: null}}`,
		tamper: `{spec: {issuerRef: {name: mine}}}`,
	},
	{
		name: "Issuer.v1.cert-manager.io",
		object: `{spec: {acme: {server: "https://acme.example.com/directory", privateKeySecretRef: {name: key}, solvers: [{http01: {ingress: {ingressClassName: nginx}}},
			{selector: {matchLabels: {dns: "yes"}}, dns01: {webhook: {groupName: acme.example.com, solverName: dns, config: {zone: example.com, ttl: 60}}}}]}}}`,
		change: `{spec: {acme: null, ca: {secretName: ca}}}`,
		tamper: `{spec: {selfSigned: {}}}`,
	},
	{
		name: "HTTPRoute.v1.gateway.networking.k8s.io",
		object: `{spec: {parentRefs: [{name: gateway, sectionName: https}], hostnames: [web.example.com], rules: [
			{matches: [{path: {value: /api}}, {headers: [{name: x-canary, value: "true"}]}], backendRefs: [{name: web, port: 80}, {name: canary, port: 80, weight: 0}]}, {backendRefs: [{name: web, port: 80}]}]}}`,
		change: `{spec: {hostnames: null, rules: [{backendRefs: [{name: web, port: 8080}], timeouts: {request: 10s}}]}}`,
		tamper: `{spec: {parentRefs: []}}`,
	},
	{
		name:   "Bag.v1.shapes.example.com",
		object: `{spec: {any: [1, two, {three: [3.5, null, true]}], empty: {}, none: [], big: 9007199254740993, tiny: 1.0e-9}, anything: {else: here}, data: [a, b]}`,
		change: `{spec: {any: {now: a map}}, anything: null, more: text}`,
		tamper: `{added: here, data: [b, a]}`,
	},
	{
		name:   "Flat.v1.shapes.example.com",
		object: `{steps: [{run: build}, {run: test, retries: 0}], matrix: [[1, 2.5], [], [3]], size: 9007199254740993, ratio: 3.0, note: ""}`,
		change: `{steps: [{run: build}], ratio: 0.1, active: false, note: changed}`,
		tamper: `{size: 1, steps: []}`,
	},
	{
		name:   "Nest.v1.shapes.example.com",
		object: `{spec: {groups: [{name: a}, {name: b, replicas: 2, ports: [{port: 443}, {port: 53, protocol: UDP}]}]}}`,
		change: `{spec: {groups: [{name: a, ports: []}, {}]}}`,
		tamper: `{spec: {mode: slow, groups: null}}`,
	},
	{
		name:   "Reporter.v1.shapes.example.com",
		object: `{spec: {size: 1}}`,
		change: `{spec: {size: 2}}`,
		tamper: `{spec: {size: 99}}`,
	},
	{
		name:   "Scalable.v1.shapes.example.com",
		object: `{spec: {replicas: 1, template: {spec: {a: [b]}}}}`,
		change: `{spec: {replicas: 2}}`,
		tamper: `{spec: {replicas: 0, template: {}}}`,
	},
}
