{{/*
The operator's settings as environment variables: FUMEHOOD_*, nested by two underscores.
Lists and maps are JSON. What is empty is left to the operator's own default.
*/}}
{{- define "fumehood.env" -}}
{{- $store := .Values.store }}{{ $pods := .Values.pods }}{{ $egress := .Values.egress }}
- name: FUMEHOOD_STORE__ENDPOINT
  value: {{ required "store.endpoint: give the URL of an S3 store, e.g. https://minio.example:9000" $store.endpoint | quote }}
- name: FUMEHOOD_STORE__BUCKET
  value: {{ required "store.bucket: give the bucket that artifacts go to; it must exist" $store.bucket | quote }}
- name: FUMEHOOD_STORE__REGION
  value: {{ $store.region | quote }}
- name: FUMEHOOD_STORE__ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ include "fumehood.storeSecret" . }}, key: accessKey}}
- name: FUMEHOOD_STORE__SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ include "fumehood.storeSecret" . }}, key: secretKey}}
{{- with $store.inputBuckets }}
- name: FUMEHOOD_STORE__INPUT_BUCKETS
  value: {{ toJson . | quote }}
{{- end }}
{{- if $store.caSecret }}
- name: FUMEHOOD_STORE__CA_FILE
  value: /etc/fumehood/store-ca/ca.crt
{{- end }}
{{- with $egress.cidrs }}
- name: FUMEHOOD_EGRESS__CIDRS
  value: {{ toJson . | quote }}
{{- end }}
{{- with $egress.namespace }}
- name: FUMEHOOD_EGRESS__NAMESPACE
  value: {{ . | quote }}
{{- end }}
{{- with $egress.podLabels }}
- name: FUMEHOOD_EGRESS__POD_LABELS
  value: {{ toJson . | quote }}
{{- end }}
{{- with $egress.port }}
- name: FUMEHOOD_EGRESS__PORT
  value: {{ int . | quote }}
{{- end }}
{{- with .Values.network.clusterRanges }}
- name: FUMEHOOD_NETWORK__CLUSTER_RANGES
  value: {{ toJson . | quote }}
{{- end }}
{{- with .Values.network.profiles }}
- name: FUMEHOOD_NETWORK__PROFILES
  value: {{ toJson . | quote }}
{{- end }}
- name: FUMEHOOD_NETWORK__PROOF__ENABLED
  value: {{ .Values.network.proof.enabled | quote }}
- name: FUMEHOOD_NETWORK__PROOF__INTERVAL
  value: {{ .Values.network.proof.interval | quote }}
- name: FUMEHOOD_NETWORK__PROOF__NODE
  value: {{ .Values.network.proof.node | quote }}
{{- with .Values.network.proof.dns }}
- name: FUMEHOOD_NETWORK__PROOF__DNS
  value: {{ . | quote }}
{{- end }}
- name: FUMEHOOD_PODS__SANDBOX_IMAGE
  value: {{ include "fumehood.image" (list . .Values.sandboxImage) | quote }}
- name: FUMEHOOD_PODS__IMAGE_PULL_POLICY
  value: {{ $pods.imagePullPolicy | quote }}
{{- with $pods.imagePullSecrets }}
- name: FUMEHOOD_PODS__IMAGE_PULL_SECRETS
  value: {{ toJson . | quote }}
{{- end }}
- name: FUMEHOOD_PODS__CPU_REQUEST_FRACTION
  value: {{ $pods.cpuRequestFraction | quote }}
- name: FUMEHOOD_PODS__COLLECTOR_MEMORY
  value: {{ $pods.collectorMemory | quote }}
- name: FUMEHOOD_PODS__COLLECTOR_CPU
  value: {{ $pods.collectorCpu | quote }}
{{- with $pods.nodeSelector }}
- name: FUMEHOOD_PODS__NODE_SELECTOR
  value: {{ toJson . | quote }}
{{- end }}
{{- with $pods.priorityClassName }}
- name: FUMEHOOD_PODS__PRIORITY_CLASS_NAME
  value: {{ . | quote }}
{{- end }}
{{- range $stage, $seconds := .Values.deadlines }}
- name: FUMEHOOD_DEADLINES__{{ upper $stage }}
  value: {{ $seconds | quote }}
{{- end }}
- name: FUMEHOOD_MAX_CONCURRENT
  value: {{ int .Values.maxConcurrent | quote }}
{{- with .Values.watch.namespaces }}
- name: FUMEHOOD_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
- name: FUMEHOOD_ADAPTERS
  value: {{ toJson .Values.adapters | quote }}
- name: FUMEHOOD_LIVENESS_PORT
  value: "8080"
- name: FUMEHOOD_METRICS_PORT
  value: "9090"
- name: FUMEHOOD_LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
