{{- define "kubebridge.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kubebridge.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{- $name := include "kubebridge.name" . -}}
{{- /* 52: the StatefulSet's controller adds a hash of 11 characters to its Pods' label. */ -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "kubebridge.selector" -}}
app.kubernetes.io/name: {{ include "kubebridge.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kubebridge.labels" -}}
{{ include "kubebridge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "kubebridge.metadata" -}}
name: {{ include "kubebridge.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "kubebridge.labels" . | nindent 2 }}
{{- end }}

{{- define "kubebridge.serviceAccountName" -}}
{{- $default := ternary (include "kubebridge.fullname" .) "default" .Values.serviceAccount.create -}}
{{ default $default .Values.serviceAccount.name }}
{{- end }}

{{- define "kubebridge.image" -}}
{{- with .Values.image.digest -}}
{{ $.Values.image.repository }}@{{ . }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- define "kubebridge.secret" -}}
{{ default (include "kubebridge.fullname" .) .Values.existingSecret }}
{{- end }}

{{- define "kubebridge.port" -}}
{{ dig "server" "port" 8080 .Values.config }}
{{- end }}
