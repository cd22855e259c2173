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
