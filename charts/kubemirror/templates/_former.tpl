{{/* Values of the chart of the kubemirror before this one. As they were by default they are taken, so that
"helm upgrade --reuse-values" goes through; what would be lost without a word is an error that says where it has gone. */}}
{{- define "kubemirror.former" -}}
{{- range list
  (list .Values.service.type "ClusterIP" "service.type: the Service of the metrics is of the type ClusterIP; for another one, add a Service of your own")
  (list .Values.service.metricsPort (include "kubemirror.port" .Values.controller.metricsBindAddress) "service.metricsPort: it is the port of controller.metricsBindAddress now")
  (list .Values.service.healthPort (include "kubemirror.port" .Values.controller.healthProbeBindAddress) "service.healthPort: it is the port of controller.healthProbeBindAddress now, and no Service has it")
  (list .Values.controller.leaderElectionID (printf "%s-controller-leader" (include "kubemirror.fullname" .)) (printf "controller.leaderElectionID: the Lease is %s-controller-leader now; another fullnameOverride gives it another name" (include "kubemirror.fullname" .))) }}
{{- if and (not (kindIs "invalid" (index . 0))) (ne (toString (index . 0)) (index . 1)) }}{{ fail (index . 2) }}{{ end }}
{{- end }}
{{- end -}}

{{/* Those that are given and do nothing any more, in one line; empty where there are none. */}}
{{- define "kubemirror.idle" -}}
{{- $given := list -}}
{{- range list "resyncPeriod" "verifySourceFreshness" "lazyWatcherInit" "watcherScanInterval" -}}
{{- if hasKey $.Values.controller . }}{{ $given = append $given (printf "controller.%s" .) }}{{ end -}}
{{- end -}}
{{- join ", " $given -}}
{{- end -}}
