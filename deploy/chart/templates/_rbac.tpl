{{- /*
The permissions that `config` needs, by the rules of bridge/operate/rbac.py; a test
compares both. A row is "GROUP VERBS NAME PLURAL", of which GROUP and NAME may be empty:
sorted as text, rows stand in the order of `kubebridge rbac`.
*/ -}}

{{- /* JSON: `all` are rows for all namespaces, `inside` rows by namespace. */ -}}
{{- define "kubebridge.permissions" -}}
{{- $known := .Files.Get "files/kinds.yaml" | fromYaml -}}
{{- $routes := .Values.config.routes | default list -}}
{{- $all := list " get kube-system namespaces" -}}
{{- $inside := dict -}}
{{- range $source := .Values.config.sources | default (list (dict)) -}}
  {{- $one := include "kubebridge.source" (dict "source" $source "kinds" $known.kinds) | fromJson -}}
  {{- $row := printf "%s list,watch  %s" $one.group $one.plural -}}
  {{- if and $one.namespaced $source.namespaces -}}
    {{- range $source.namespaces -}}
      {{- $_ := set $inside . (append (get $inside . | default list) $row) -}}
    {{- end -}}
  {{- else -}}
    {{- $all = append $all $row -}}
  {{- end -}}
  {{- if and $source.namespaceSelector $one.namespaced -}}
    {{- $all = append $all " list,watch  namespaces" -}}
  {{- end -}}
  {{- $enrich := $source.enrich | default dict -}}
  {{- $asked := include "kubebridge.asked" (dict "name" $one.name "routes" $routes) -}}
  {{- if and $one.isEvents (or $asked $enrich.labels $enrich.annotations $enrich.owner) -}}
    {{- range $kind := $enrich.kinds | default $known.enriched -}}
      {{- $found := false -}}
      {{- range $known.kinds -}}
        {{- if and (eq .kind $kind) (not $found) -}}
          {{- $found = true -}}
          {{- $all = append $all (printf "%s list,watch  %s" .group .plural) -}}
        {{- end -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- range $namespace, $rows := $inside -}}
  {{- $rest := list -}}
  {{- range $rows -}}
    {{- if not (has . $all) -}}{{- $rest = append $rest . -}}{{- end -}}
  {{- end -}}
  {{- $_ := set $inside $namespace $rest -}}
{{- end -}}
{{- dict "all" $all "inside" $inside | toJson -}}
{{- end }}

{{- /* JSON of what a source names: its own name, and the resource. */ -}}
{{- define "kubebridge.source" -}}
{{- $source := .source -}}
{{- $version := $source.apiVersion | default "" -}}
{{- $group := ternary (regexReplaceAll "/.*" $version "") "" (contains "/" $version) -}}
{{- $kind := "" -}}
{{- $plural := "" -}}
{{- $namespaced := true -}}
{{- $found := false -}}
{{- if $source.resource -}}
  {{- $plural = regexReplaceAll "[.].*" $source.resource "" -}}
  {{- $group = trimPrefix $plural $source.resource | trimPrefix "." | default $group -}}
  {{- $found = true -}}
  {{- range .kinds -}}
    {{- if and (eq .group $group) (eq .plural $plural) -}}
      {{- $namespaced = .namespaced -}}
    {{- end -}}
  {{- end -}}
{{- else -}}
  {{- $kind = $source.kind | default "Event" -}}
  {{- range .kinds -}}
    {{- if and (eq .group $group) (eq .kind $kind) -}}
      {{- $plural = .plural -}}
      {{- $namespaced = .namespaced -}}
      {{- $found = true -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $isEvents := and (or (eq $kind "Event") (eq $plural "events")) (has $group (list "" "events.k8s.io")) -}}
{{- $name := $source.name | default (ternary "events" (lower (ternary $kind $plural (ne $kind ""))) $isEvents) -}}
{{- if not $found -}}
  {{- fail (printf "config.sources: %s: only the cluster knows which resource %s %s is; write resource: PLURAL.GROUP instead of kind:, or set rbac.create to false and apply what `kubebridge rbac` prints" $name $version $kind) -}}
{{- end -}}
{{- dict "name" $name "group" $group "plural" $plural "namespaced" $namespaced "isEvents" $isEvents | toJson -}}
{{- end }}

{{- /* Text if a route from a source selects by labels or reads the owner. */ -}}
{{- define "kubebridge.asked" -}}
{{- $name := .name -}}
{{- range .routes -}}
  {{- if or (kindIs "invalid" .sources) (has $name .sources) -}}
    {{- $reads := splitList " " (include "kubebridge.reads" (.filters | default list)) -}}
    {{- if or .labels (has "ownerkind" $reads) (has "ownername" $reads) -}}yes{{- end -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- /* Names of the attributes that filters read, with spaces between. */ -}}
{{- define "kubebridge.reads" -}}
{{- range . -}}
  {{- range $dialect, $argument := . -}}
    {{- if has $dialect (list "all" "any") -}}
      {{- include "kubebridge.reads" $argument -}}
    {{- else if eq $dialect "not" -}}
      {{- include "kubebridge.reads" (list $argument) -}}
    {{- else if eq $dialect "when" -}}
      {{- regexFindAll "\\bevent[.][a-z0-9]+" $argument -1 | join " " | replace "event." "" }} {{ else -}}
      {{- keys $argument | join " " }} {{ end -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- /* The rules of a role, from its rows: one for each API group and what is done. */ -}}
{{- define "kubebridge.rules" -}}
{{- $keys := list -}}
{{- $plurals := dict -}}
{{- range . | uniq | sortAlpha -}}
  {{- $parts := splitList " " . -}}
  {{- $key := initial $parts | join " " -}}
  {{- if not (hasKey $plurals $key) -}}{{- $keys = append $keys $key -}}{{- end -}}
  {{- $_ := set $plurals $key (append (get $plurals $key | default list) (last $parts)) -}}
{{- end -}}
{{- range $keys }}
{{- $parts := splitList " " . }}
- apiGroups: [{{ index $parts 0 | quote }}]
  resources: [{{ get $plurals . | join ", " }}]
  {{- with index $parts 2 }}
  resourceNames: [{{ . }}]
  {{- end }}
  verbs: [{{ index $parts 1 | replace "," ", " }}]
{{- end }}
{{- end }}
