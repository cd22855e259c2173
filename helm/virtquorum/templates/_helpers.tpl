{{- define "virtquorum.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{/* One name for all that a release makes; the release's own where it says what it is. */}}
{{- define "virtquorum.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "virtquorum.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "virtquorum.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "virtquorum.selectorLabels" -}}
app.kubernetes.io/name: {{ include "virtquorum.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "virtquorum.labels" -}}
{{ include "virtquorum.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "virtquorum.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "virtquorum.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name must say which account to use when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The image of the operator and, by its arguments, of every sidecar. */}}
{{- define "virtquorum.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* What hook pods and the operator have in common: they run as nobody in particular, and write nothing but /tmp. */}}
{{- define "virtquorum.podSecurity" -}}
runAsNonRoot: true
{{- if .Values.fixedUser }}
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "virtquorum.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Where pods of this release may run, and how they are pulled. */}}
{{- define "virtquorum.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The pod of a hook, which runs one subcommand once. Takes a list: root, subcommand, its arguments. */}}
{{- define "virtquorum.hookPod" -}}
{{- $root := index . 0 }}
{{- $subcommand := index . 1 -}}
serviceAccountName: {{ include "virtquorum.hookAccount" (list $root $subcommand) }}
restartPolicy: Never
securityContext: {{- include "virtquorum.podSecurity" $root | nindent 2 }}
{{- with include "virtquorum.placement" $root }}
{{ . }}
{{- end }}
containers:
  - name: {{ $subcommand }}
    image: {{ include "virtquorum.image" $root | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args:
      - {{ $subcommand }}
      {{- range index . 2 }}
      - {{ . }}
      {{- end }}
    env:
      - name: POD_NAMESPACE
        valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
      - name: POD_NAME
        valueFrom: {fieldRef: {fieldPath: metadata.name}}
    resources: {{- toYaml $root.Values.resources | nindent 6 }}
    securityContext: {{- include "virtquorum.containerSecurity" $root | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
{{- end }}

{{/* The account of a hook: its own, with fewer rights than the operator's; that one if others grant the rights. */}}
{{- define "virtquorum.hookAccount" -}}
{{- $root := index . 0 }}
{{- if $root.Values.rbac.create }}
{{- include "virtquorum.fullname" $root }}-{{ index . 1 }}
{{- else }}
{{- include "virtquorum.serviceAccountName" $root }}
{{- end }}
{{- end }}

{{- define "virtquorum.hookLabels" -}}
app.kubernetes.io/name: {{ include "virtquorum.name" (index . 0) }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
{{- end }}
