"""Go templates and ours make the same texts, or theirs are refused with the reason."""

import msgspec
import pytest

from bridge.migrate.go_template import convert_template
from bridge.migrate.go_values import GoTemplateError
from bridge.templates import Template, context_of

EVENT = {
    "metadata": {"name": "web.17", "namespace": "shop", "uid": "u-1"},
    "involvedObject": {
        "kind": "Pod",
        "name": "web-0",
        "apiVersion": "v1",
        "labels": {"app": "web", "a.b/c": "x"},
    },
    "message": 'said "no" <b>',
    "reason": "BackOff",
    "type": "Warning",
    "count": 7,
    "source": {"component": "kubelet"},
    "firstTimestamp": "2026-11-30T10:00:00Z",
    "lastTimestamp": "2026-11-30T10:05:00Z",
    "eventTime": None,
}


def render(text: str, event=EVENT):
    """Return what our template of theirs makes of an event."""
    made = convert_template(text, cluster="'prod'")
    copy = msgspec.json.decode(msgspec.json.encode(event))
    return Template({"x": made.text}).render(context_of(event={}, data=copy))["x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ .Message }}", 'said "no" <b>'),
        ("{{ .Count }}", 7),
        ("{{ .Namespace }}/{{ .InvolvedObject.Name }}", "shop/web-0"),
        ("{{ .ObjectMeta.UID }}{{ .Event.Reason }}", "u-1BackOff"),
        (" {{ .Reason }} ", " BackOff "),
        ("a {{- .Reason -}} b", "aBackOffb"),
        ("{{/* a comment */}}", ""),
        ("a{{/* a comment */}}b", "ab"),
        ("{% raw {# {", "{% raw {# {"),
        ("{{ .ClusterName }}", "prod"),
        ("{{ .GetTimestampMs }}", 1796032800000),
        ("{{ .GetTimestampISO8601 }}", "2026-11-30T10:00:00.000Z"),
        ("{{ .FirstTimestamp }}", "2026-11-30T10:00:00Z"),
        ("{{ .Source.Host }}", ""),
        ("{{ .Source.Host | default `none` }}", "none"),
        ('{{ default "none" .Source.Host | upper }}', "NONE"),
        ("{{ .InvolvedObject.Labels.app }}", "web"),
        ('{{ index .InvolvedObject.Labels "a.b/c" }}', "x"),
        ('{{ get .InvolvedObject.Labels "nope" }}', ""),
        ('{{ hasKey .InvolvedObject.Labels "app" }}', True),
        ("{{ .InvolvedObject.Labels }}", {"app": "web", "a.b/c": "x"}),
        ("{{ .InvolvedObject.Labels | toJson }}", '{"app": "web", "a.b/c": "x"}'),
        ("{{ trunc 4 .Reason }}{{ trunc -3 .Reason }}", "BackOff"),
        ('{{ trimSuffix "Off" .Reason | trimPrefix "B" | lower }}', "ack"),
        ('{{ .Reason | replace "Back" "Fore" | trim | quote }}', '"ForeOff"'),
        ("{{ .Message | quote }}", '"said \\"no\\" <b>"'),
        ("{{ squote .Reason }}", "'BackOff'"),
        ('{{ contains "Off" .Reason }}', True),
        ('{{ hasPrefix "Off" .Reason }} {{ hasSuffix "Off" .Reason }}', "false true"),
        ('{{ printf "%s is %d%% %v" .Reason .Count .Type }}', "BackOff is 7% Warning"),
        ("{{ cat .Reason .Type }}", "BackOff Warning"),
        ("{{ ternary `a` `b` (eq .Type `Warning`) }}", "a"),
        ("{{ coalesce .Source.Host .Action .Reason }}", "BackOff"),
        ("{{ add .Count 1 }}{{ sub .Count 1 }}{{ add1 .Count }}", "868"),
        ("{{ int64 .Count }}{{ toString .Count }}", "77"),
        ("{{ len .Reason }}", 7),
        ('{{ list .Reason .Type | join "-" }}', "BackOff-Warning"),
        ('{{ splitList "-" .InvolvedObject.Name | first }}', "web"),
        ('{{ last (splitList "-" .InvolvedObject.Name) }}', "0"),
        ("{{ (index .InvolvedObject.Labels `app`) | upper }}", "WEB"),
        ("{{ if eq .Type `Normal` `Warning` }}y{{ else }}n{{ end }}", "y"),
        ("{{ if lt .Count 5 }}a{{ else if ge .Count 7 }}b{{ end }}", "b"),
        ("{{ if and .Count (not .Source.Host) }}y{{ end }}", "y"),
        ("{{ if or (empty .Reason) (ne .Count 7) }}y{{ else }}n{{ end }}", "n"),
        ("{{ if true }}{{ if false }}a{{ else }}b{{ end }}{{ end }}", "b"),
        ("{{ with .Source.Component }}{{ . }} {{ $.Count }}{{ end }}", "kubelet 7"),
        ("{{ with .Source.Host }}{{ . }}{{ else }}{{ .Reason }}{{ end }}", "BackOff"),
        ("{{ range .InvolvedObject.Labels }}{{ . }},{{ end }}", "x,web,"),
        ("{{ range list .Reason .Type }}{{ . }};{{ end }}", "BackOff;Warning;"),
        ("{{ le .Count 7 }}{{ gt .Count 7 }}", "truefalse"),
        ("{{ print }}".replace("print", "list"), []),
        ('{{ "a\\n\\"b" }}', 'a\n"b'),
    ],
)  # fmt: skip
def test_the_same_value(text, expected):
    """Expressions that are all of a text keep their type."""
    assert render(text) == expected


def test_the_time_of_events_of_the_new_api():
    """They have an eventTime alone."""
    event = EVENT | {"firstTimestamp": None, "eventTime": "2026-11-30T10:00:00.123456Z"}

    assert render("{{ .GetTimestampISO8601 }}", event) == "2026-11-30T10:00:00.123Z"
    assert render("{{ .GetTimestampMs }}", event) == 1796032800123


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ now }}", "function now has no equivalent: templates have no clock"),
        ("{{ title .Reason }}", "also makes the other letters small"),
        ("{{ .Reason | sha256sum }}", "function sha256sum has no equivalent"),
        ("{{ .Foo }}", "no field .Foo"),
        ("{{ .InvolvedObject.OwnerReferences }}", "event.ownerkind"),
        ("{{ .LastTimestamp.Format `x` }}", "no field .Format"),
        ("{{ $x := .Reason }}{{ $x }}", "$x is replaced there from the environment"),
        ("${HOST} {{ .Reason }}", "$HOST is replaced there"),
        ("on {{ .InvolvedObject.Labels }}", "Go's own notation of a map"),
        ("{{ upper .InvolvedObject.Labels }}", "Go's own notation"),
        ("{{ if .Source }}x{{ end }}", "always true"),
        ("{{ if .LastTimestamp }}x{{ end }}", "always true"),
        ("x {{ if .Reason }}", "without an end"),
        ("x {{ end }}", "{{ end }} without a beginning"),
        ("x {{ else }}", "{{ else }} without a beginning"),
        ("x {{ .Reason", "{{ without }}"),
        ("x {{ define `a` }}", "{{ define }} has no equivalent"),
        ("{{ with .Reason }}{{ else with .Type }}{{ end }}", "{{ else with }}"),
        ("{{ range .Count }}{{ end }}", "range over a number"),
        ("{{ .Reason .Type }}", "with arguments"),
        ("{{ .Reason | .Type }}", "with arguments"),
        ("{{ .Reason | }}", "empty"),
        ("{{ (.Reason }}", "expected ')'"),
        ("{{ .Reason ) }}", "cannot read"),
        ("{{ .Reason ; }}", "cannot read"),
        ('{{ "\\q" }}', "escape"),
        ("{{ trunc .Count .Reason }}", "got other arguments"),
        ("{{ eq .Count }}", "got other arguments"),
        ("{{ upper }}", "got other arguments"),
        ("{{ index .Reason 1 }}", "got other arguments"),
        ('{{ printf "%x" .Count }}', "printf with %x"),
        ('{{ printf "%s" }}', "got other arguments"),
        ('{{ printf "x" .Count }}', "got other arguments"),
        ("{{ printf .Reason }}", "got other arguments"),
    ],
)
def test_what_has_no_equivalent_is_refused(text, problem):
    """With the reason, never with a guess."""
    with pytest.raises(GoTemplateError) as error:
        convert_template(text, cluster="cluster")

    assert problem in str(error.value)
