{{/* Names, labels and image references; no object is made here. */}}

{{- define "fumehood.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "fumehood.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "fumehood.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "fumehood.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Names of cluster-scoped objects hold the namespace, so that two releases do not meet. */}}
{{- define "fumehood.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "fumehood.fullname" .) }}
{{- end }}

{{- define "fumehood.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "fumehood.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "fumehood.selectorLabels" -}}
app.kubernetes.io/name: fumehood
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "fumehood.labels" -}}
{{ include "fumehood.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* include "fumehood.image" (list . .Values.image) */}}
{{- define "fumehood.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 }}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}
{{- else }}{{ $image.repository }}:{{ default $root.Chart.AppVersion $image.tag }}
{{- end }}
{{- end }}

{{- define "fumehood.storeSecret" -}}
{{- default (printf "%s-store" (include "fumehood.fullname" .)) .Values.store.existingSecret }}
{{- end }}

{{- define "fumehood.testEnvironment" -}}
{{- if .Values.test.environment }}{{ .Values.test.environment }}
{{- else if .Values.environments }}{{ keys .Values.environments | sortAlpha | first }}
{{- end }}
{{- end }}

{{- define "fumehood.testNamespace" -}}
{{- default (default .Release.Namespace (first .Values.watch.namespaces)) .Values.test.namespace }}
{{- end }}
