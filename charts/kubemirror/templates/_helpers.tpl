{{- define "kubemirror.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name with the chart's, or one of them where it holds the other. */}}
{{- define "kubemirror.fullname" -}}
{{- $name := include "kubemirror.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "kubemirror.selector" -}}
app.kubernetes.io/name: {{ include "kubemirror.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{/* The labels that select the Pod of "helm test". */}}
{{- define "kubemirror.testSelector" -}}
app.kubernetes.io/name: {{ include "kubemirror.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end -}}

{{/* metadata's labels and annotations. Takes a list: the root, more annotations, more labels. */}}
{{- define "kubemirror.labels" -}}
{{- $root := index . 0 -}}
{{- $labels := dict
  "app.kubernetes.io/name" (include "kubemirror.name" $root)
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/version" ($root.Values.image.tag | default $root.Chart.AppVersion)
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_")
-}}
labels: {{- merge (dict) (index . 2) $labels $root.Values.commonLabels | toYaml | nindent 2 }}
{{- with merge (dict) (index . 1) $root.Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "kubemirror.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "kubemirror.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.name: name the account that is there, or set serviceAccount.create" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "kubemirror.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "kubemirror.replicas" -}}
{{- $replicas := .Values.replicas -}}
{{- if kindIs "invalid" $replicas }}{{ $replicas = .Values.replicaCount }}{{ end -}}
{{- if kindIs "invalid" $replicas -}}
{{ ternary 2 1 .Values.controller.leaderElect }}
{{- else if and (gt (int $replicas) 1) (not .Values.controller.leaderElect) -}}
{{ fail "replicas: more than 1 needs controller.leaderElect, or they would all write" }}
{{- else -}}
{{ $replicas }}
{{- end -}}
{{- end -}}

{{/* The port of an address such as ":8080"; empty where it is "0", which is none. */}}
{{- define "kubemirror.port" -}}
{{- if ne . "0" }}{{ regexFind "[0-9]+$" . }}{{ end -}}
{{- end -}}

{{/* Nine tenths of a quantity of memory, in bytes: the rest is for what Go does not count. */}}
{{- define "kubemirror.memoryLimit" -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 -}}
{{- $text := toString . -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- if not (hasKey $units $unit) -}}
{{- fail (printf "resources.limits.memory: %s: write it in Mi or Gi" $text) -}}
{{- end -}}
{{- mulf (float64 (trimSuffix $unit $text)) (get $units $unit) 0.9 | floor | int64 -}}
{{- end -}}

{{/* The resource of a kind, as Kubernetes' own tools would guess it. */}}
{{- define "kubemirror.plural" -}}
{{- if regexMatch "(s|x|z|ch|sh)$" . -}}
{{ . }}es
{{- else if regexMatch "[^aeiou]y$" . -}}
{{ trimSuffix "y" . }}ies
{{- else -}}
{{ . }}s
{{- end -}}
{{- end -}}

{{/* The groups that the API server has by itself, beside those without a dot in their names. */}}
{{- define "kubemirror.builtInGroups" -}}
admissionregistration.k8s.io apiextensions.k8s.io apiregistration.k8s.io authentication.k8s.io authorization.k8s.io certificates.k8s.io coordination.k8s.io discovery.k8s.io events.k8s.io flowcontrol.apiserver.k8s.io imagepolicy.k8s.io internal.apiserver.k8s.io lifecycle.k8s.io networking.k8s.io node.k8s.io rbac.authorization.k8s.io resource.k8s.io scheduling.k8s.io storage.k8s.io storagemigration.k8s.io
{{- end -}}

{{/* Says something where a type may come or go with a definition or an API service. */}}
{{- define "kubemirror.typesComeAndGo" -}}
{{- $builtIn := splitList " " (include "kubemirror.builtInGroups" .) -}}
{{- range .Values.controller.resourceTypes -}}
{{- $group := regexReplaceAll "^[^.]+\\.[^.]+\\.?" . "" -}}
{{- if and (contains "." $group) (not (has $group $builtIn)) -}}yes{{- end -}}
{{- else -}}
yes
{{- end -}}
{{- end -}}

{{/* RBAC rules for the types. Takes a list: the root and the verbs. */}}
{{- define "kubemirror.rules" -}}
{{- $root := index . 0 -}}
{{- $verbs := index . 1 -}}
{{- $groups := dict -}}
{{- range $root.Values.controller.resourceTypes -}}
{{- $group := regexReplaceAll "^[^.]+\\.[^.]+\\.?" . "" -}}
{{- $plural := get $root.Values.rbac.plurals . | default (include "kubemirror.plural" (regexFind "^[^.]+" . | lower)) -}}
{{- $_ := set $groups $group (append (get $groups $group | default list) $plural) -}}
{{- end -}}
{{- range $group, $resources := $groups }}
- apiGroups: [{{ $group | quote }}]
  resources: {{- $resources | uniq | sortAlpha | toYaml | nindent 4 }}
  verbs: {{- toYaml $verbs | nindent 4 }}
{{- else }}
{{- if eq $root.Values.rbac.mode "enumerated" }}
{{- include "kubemirror.enumerated" (list $root $verbs) }}
{{- else }}
# RBAC can't say "all but": a thief of the token is cluster-admin, leash or not, for he can
# write policies and webhooks too. escalate, bind and impersonate are not among the verbs.
- apiGroups: ["*"]
  resources: ["*"]
  verbs: {{- toYaml $verbs | nindent 4 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* RBAC rules for Kubernetes' own kinds that are mirrored, and the groups of definitions that the cluster has now. Takes the same list. */}}
{{- define "kubemirror.enumerated" -}}
{{- $verbs := index . 1 -}}
{{- $builtIn := splitList " " (include "kubemirror.builtInGroups" .) -}}
{{- $groups := list -}}
{{- range (index . 0).Capabilities.APIVersions -}}
{{- $group := splitList "/" . | first -}}
{{- if and (contains "." $group) (not (has $group $builtIn)) (not (hasSuffix "metrics.k8s.io" $group)) -}}{{- $groups = append $groups $group -}}{{- end -}}
{{- end }}
{{- range $group, $resources := dict
  "" (list "configmaps" "limitranges" "podtemplates" "resourcequotas" "secrets" "services")
  "apps" (list "daemonsets" "deployments" "statefulsets")
  "autoscaling" (list "horizontalpodautoscalers")
  "batch" (list "cronjobs")
  "networking.k8s.io" (list "ingresses" "networkpolicies")
  "policy" (list "poddisruptionbudgets")
  "resource.k8s.io" (list "resourceclaimtemplates") }}
- apiGroups: [{{ $group | quote }}]
  resources: {{- $resources | toYaml | nindent 4 }}
  verbs: {{- toYaml $verbs | nindent 4 }}
{{- end }}
{{- with $groups | uniq | sortAlpha }}
# The definitions that were there when Helm last wrote this.
- apiGroups: {{- toYaml . | nindent 4 }}
  resources: ["*"]
  verbs: {{- toYaml $verbs | nindent 4 }}
{{- end }}
{{- end -}}

{{/* "yes" where other ClusterRoles add to the types by their label. */}}
{{- define "kubemirror.aggregates" -}}
{{- if or .Values.rbac.aggregate (and (eq .Values.rbac.mode "enumerated") (not .Values.controller.resourceTypes)) -}}yes{{- end -}}
{{- end -}}

{{/* What all Pods of the chart have in common. */}}
{{- define "kubemirror.podSpec" -}}
enableServiceLinks: false
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* Says something where the server has ValidatingAdmissionPolicies. */}}
{{- define "kubemirror.hasPolicies" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}yes{{- end -}}
{{- end -}}

{{/* Says something where it has MutatingAdmissionPolicies. */}}
{{- define "kubemirror.hasMutatingPolicies" -}}
{{- if semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version -}}yes{{- end -}}
{{- end -}}

{{/* The policies that stamp authors, and the role that is their parameter. */}}
{{- define "kubemirror.authors" -}}
{{ include "kubemirror.fullname" . }}-authors
{{- end -}}

{{/* What a policy may be asked to read of one object: more would cost the API server too much. */}}
{{- define "kubemirror.mostKeys" -}}500{{- end -}}
{{- define "kubemirror.mostBytes" -}}8192{{- end -}}
{{- define "kubemirror.mostItems" -}}500{{- end -}}

{{/* A list in CEL of keys with our prefix. Takes their names, between blanks. */}}
{{- define "kubemirror.keys" -}}
{{- $keys := list -}}
{{- range splitList " " . }}{{ $keys = append $keys (printf "kubemirror.raczylo.com/%s" .) }}{{ end -}}
{{- toJson $keys -}}
{{- end -}}

{{/* Keys of a source: what its author writes, then what KubeMirror does, then what is left of the mirror that it was. */}}
{{- define "kubemirror.sourceAnnotations" -}}
{{- include "kubemirror.keys" (join " " (list
  "sync target-namespaces target-selector target-name max-targets transform transform-strict exclude paused recreate-on-immutable-change target-kind mirror-of allow-to keep-metadata on-delete"
  "sync-status failed-targets author"
  "mirror-id source-keys source-namespace source-name source-uid source-type source-origin source-content-hash source-generation source-resource-version last-sync-time")) -}}
{{- end -}}
{{- define "kubemirror.sourceLabels" -}}
{{- include "kubemirror.keys" "enabled mirror managed-by" -}}
{{- end -}}

{{/* CEL: what the controller says of a key of ours that it doesn't know there. Takes a dict: key, what it is (a
label or an annotation), what else it may be, and those keys that the object knows as that; optionally those of a namespace. */}}
{{- define "kubemirror.misplaced" -}}
{{- with .namespaces }}{{ $.key }} in {{ . }} ? {{ $.key }} + ' belongs on a namespace' :
{{ end -}}
{{ .key }} in {{ .others }} ? {{ .key }} + ' is {{ .other }}, not {{ .one }}' : 'unknown {{ regexReplaceAll "^an? " .one "" }} ' + {{ .key }}
{{- end -}}

{{/* CEL: the character, quoted as Go does, by which an item is no name or glob, and what the item is. Takes the item. */}}
{{- define "kubemirror.badCharacter" -}}
strings.quote({{ . }}) + " has a character that can't be in a name or glob: '" +
({{ . }}.find('[^a-z0-9*?-]') in ["'", '"'] ? {{ . }}.find('[^a-z0-9*?-]').replace("'", "\\'") :
strings.quote({{ . }}.find('[^a-z0-9*?-]')).substring(1).replace('"', '')) + "'" + (
{{ include "kubemirror.slip" . }})
{{- end -}}

{{/* CEL: what an item is that is no name or glob, in the expressions and words of package pattern. Takes the item. */}}
{{- define "kubemirror.slip" -}}
{{- $expression := "it looks like a regular expression: " -}}
{{ . }}.matches('[\\x{2018}-\\x{201f}\\x{ab}\\x{bb}\\x{2039}\\x{203a}]') ? '; these are typographic quotes: write it without any' :
{{ . }}.matches("['\"`]") ? '; write it without quotes' :
{{ . }}.matches('^\\^|\\$$|[|\\\\+]|\\.\\*|\\(\\?|\\)[*+?]') ? ({{ . }}.matches('^\\^?([a-z0-9-]|\\.[*+]?)+\\$?$') ?
'; {{ $expression }}the glob is ' + {{ . }}.replace('^', '').replace('$', '').replace('.*', '*').replace('.+', '?*').replace('.', '?') :
'; {{ $expression }}write names, or globs where * stands for any characters and ? for one') :
{{ . }}.matches('[\\[\\]{}]') ? '; brackets mean nothing here: write each name, between commas' :
{{ . }}.matches('[;\\s\\x{a0}\\x{ff0c}\\x{3001}\\x{ff1b}]') ? '; items are separated by commas' :
{{ . }}.matches('\\.') ? '; a namespace has no full stop in its name' :
{{ . }}.matches('[A-Z]') ? "; a namespace's name is in lower case" + ({{ . }}.matches('^[A-Za-z0-9*?-]*$') ? ': write ' + {{ . }}.lowerAscii() : '') : ''
{{- end -}}

{{/* Types that are never mirrored, and that clusters write all the time. */}}
{{- define "kubemirror.neverMirrored" -}}
{{- range $group, $resources := dict
  "" (list "bindings" "endpoints" "events" "persistentvolumeclaims" "pods" "replicationcontrollers")
  "apps" (list "controllerrevisions" "replicasets")
  "certificates.k8s.io" (list "podcertificaterequests")
  "coordination.k8s.io" (list "leases" "leasecandidates")
  "discovery.k8s.io" (list "endpointslices")
  "events.k8s.io" (list "events")
  "lifecycle.k8s.io" (list "evictions" "evictionrequests")
  "scheduling.k8s.io" (list "podgroups" "compositepodgroups")
  "storage.k8s.io" (list "csistoragecapacities") }}
- apiGroups: [{{ $group | quote }}]
  apiVersions: ["*"]
  operations: ["*"]
  resources: [{{ range $i, $r := $resources }}{{ if $i }}, {{ end }}{{ $r }}, {{ $r }}/*{{ end }}]
{{- end }}
{{- end -}}

{{/* A list in CEL of the same, as mirror-of would name them. */}}
{{- define "kubemirror.neverMirroredTypes" -}}
{{- $types := list -}}
{{- range include "kubemirror.neverMirrored" . | fromYamlArray -}}
{{- $group := first .apiGroups -}}
{{- range .resources }}{{ if not (contains "/" .) }}{{ $types = append $types (trimSuffix "." (printf "%s.%s" . $group)) }}{{ end }}{{ end -}}
{{- end -}}
{{- toJson $types -}}
{{- end -}}

{{/* CEL: so much of a text as is quoted of a name. */}}
{{- define "kubemirror.bounded" -}}
(size({{ . }}) > 256 ? {{ . }}.substring(0, 256) : {{ . }})
{{- end -}}

{{/* CEL: whether object (or oldObject) is to be read as a source, once it is turned on. */}}
{{- define "kubemirror.asks" -}}
!({{ . }}.metadata.?labels[?'kubemirror.raczylo.com/enabled'].orValue('') in ['', 'false']) &&
{{ . }}.metadata.?annotations[?'kubemirror.raczylo.com/sync'].orValue('') != 'false' &&
{{ . }}.metadata.?annotations[?'kubemirror.raczylo.com/exclude'].orValue('') != 'true'
{{- end -}}

{{/* CEL: whether object (or oldObject) has the label of a source, and nothing says whether it is to be one. */}}
{{- define "kubemirror.isHalfAsked" -}}
{{ . }}.metadata.?labels[?'kubemirror.raczylo.com/enabled'].orValue('') == 'true' &&
!{{ . }}.metadata.?annotations[?'kubemirror.raczylo.com/sync'].hasValue() &&
{{ . }}.metadata.?annotations[?'kubemirror.raczylo.com/exclude'].orValue('') != 'true'
{{- end -}}

{{/* CEL: whether object (or oldObject) has more labels or annotations than a policy reads one by one. */}}
{{- define "kubemirror.isCrowded" -}}
size({{ . }}.metadata.?labels.orValue({})) > {{ include "kubemirror.mostKeys" . }} || size({{ . }}.metadata.?annotations.orValue({})) > {{ include "kubemirror.mostKeys" . }}
{{- end -}}

{{/* CEL: whether an update adds, changes or takes away one of our keys. Takes "labels" or "annotations", which are variables too. */}}
{{- define "kubemirror.rewrites" -}}
variables.{{ . }}.exists(k, k.startsWith('kubemirror.raczylo.com/') && oldObject.metadata.?{{ . }}[?k] != optional.of(variables.{{ . }}[k])) ||
oldObject.metadata.?{{ . }}.orValue({}).exists(k, k.startsWith('kubemirror.raczylo.com/') && !(k in variables.{{ . }}))
{{- end -}}

{{/* CEL: the mirror-id that object (or oldObject) would have as a mirror. */}}
{{- define "kubemirror.mirrorID" -}}
request.resource.resource + (request.resource.group == '' ? '' : '.' + request.resource.group) + '/' + {{ . }}.metadata.?namespace.orValue('') + '/' + {{ . }}.metadata.name
{{- end -}}

{{/* CEL: whether object (or oldObject) is a mirror, but for its mirror-id. */}}
{{- define "kubemirror.isMarked" -}}
{{ . }}.metadata.?labels[?'kubemirror.raczylo.com/mirror'].orValue('') == 'true' &&
{{ . }}.metadata.?labels[?'kubemirror.raczylo.com/enabled'].orValue('') != 'true'
{{- end -}}

{{/* CEL: whether object (or oldObject) is a mirror: a copy of its labels and annotations names another object. */}}
{{- define "kubemirror.isMirror" -}}
{{ include "kubemirror.isMarked" . }} &&
{{ . }}.metadata.?annotations[?'kubemirror.raczylo.com/mirror-id'].orValue('') == {{ include "kubemirror.mirrorID" . }}
{{- end -}}

{{/* CEL: the finalizers of object (or oldObject) less ours, as a text: to filter a long list would take the square of its length in time. */}}
{{- define "kubemirror.finalizers" -}}
(size({{ . }}.metadata.?finalizers.orValue([])) == 0 ? ',' : ',' + {{ . }}.metadata.finalizers.join(',') + ',').replace(',kubemirror.raczylo.com/finalizer,', ',')
{{- end -}}

{{/* CEL: whether an update leaves the annotations but for the status; where there are too many to look at each, all of them. */}}
{{- define "kubemirror.sameAnnotations" -}}
{{- $status := include "kubemirror.keys" "sync-status failed-targets" -}}
(size(object.metadata.?annotations.orValue({})) > {{ include "kubemirror.mostKeys" . }} || size(oldObject.metadata.?annotations.orValue({})) > {{ include "kubemirror.mostKeys" . }} ?
  object.metadata.?annotations.orValue({}) == oldObject.metadata.?annotations.orValue({}) :
  (!has(object.metadata.annotations) || object.metadata.annotations.all(k, has(oldObject.metadata.annotations) && k in oldObject.metadata.annotations &&
    object.metadata.annotations[k] == oldObject.metadata.annotations[k] || k in {{ $status }})) &&
  (!has(oldObject.metadata.annotations) || oldObject.metadata.annotations.all(k, has(object.metadata.annotations) && k in object.metadata.annotations || k in {{ $status }})))
{{- end -}}

{{/* CEL: whether an update leaves all that mirrors are made from: content, labels, and annotations but the status. */}}
{{- define "kubemirror.isSame" -}}
object.metadata.?labels.orValue({}) == oldObject.metadata.?labels.orValue({}) &&
{{ include "kubemirror.sameAnnotations" . }} &&
dyn(object).all(k, k in ['metadata', 'status'] || k in dyn(oldObject) && dyn(object)[k] == dyn(oldObject)[k]) &&
dyn(oldObject).all(k, k in ['metadata', 'status'] || k in dyn(object))
{{- end -}}

{{/* CEL: whether the request is of an account that policies don't hold for: Kubernetes' own controllers, or one of the values. */}}
{{- define "kubemirror.isTrusted" -}}
{{- range .Values.policies.trustedGroups -}}
{{- if has . (list "system:authenticated" "system:unauthenticated" "system:serviceaccounts" "*") -}}
{{- fail (printf "policies.trustedGroups: %s: everybody is in it, and the policies would hold for nobody; name the accounts in policies.trustedUsers, or turn the policies off" .) -}}
{{- end -}}
{{- end -}}
{{- if has "system:anonymous" .Values.policies.trustedUsers -}}
{{- fail "policies.trustedUsers: system:anonymous: that is everybody who doesn't say who he is" -}}
{{- end -}}
request.userInfo.username in {{ concat (include "kubemirror.controllers" . | fromJsonArray) .Values.policies.trustedUsers | toJson }} ||
request.userInfo.?groups.orValue([]).exists(g, g in {{ .Values.policies.trustedGroups | toJson }})
{{- end -}}

{{/* Those controllers of Kubernetes' own that write on objects, as JSON. */}}
{{- define "kubemirror.controllers" -}}
{{- $kubernetes := list "system:kube-controller-manager" -}}
{{- range list "deployment-controller" "daemon-set-controller" "statefulset-controller" "cronjob-controller" "service-controller" "horizontal-pod-autoscaler" "disruption-controller" "resourcequota-controller" "generic-garbage-collector" "namespace-controller" "legacy-service-account-token-cleaner" -}}
{{- $kubernetes = append $kubernetes (printf "system:serviceaccount:kube-system:%s" .) -}}
{{- end -}}
{{- toJson $kubernetes -}}
{{- end -}}

{{/* A regular expression, as CEL text: one requirement of a label selector. */}}
{{- define "kubemirror.requirement" -}}
(!\\s*[\\w./-]+|[\\w./-]+(\\s*(=|==|!=)\\s*[\\w.-]*|\\s*[<>]\\s*[\\w.-]+|\\s+(in|notin)\\s*[(][\\w.,\\s-]*[)])?)
{{- end -}}
