"""Their receivers become sinks of ours with the format that sends the same."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from bridge.errors import TemplateError
from bridge.migrate.go_values import GoTemplateError
from bridge.migrate.layouts import LayoutConverter, expression_of, slack_text
from bridge.migrate.reading import Section, references
from bridge.migrate.report import ConversionReport
from bridge.migrate.secrets_told import SecretNames, is_secret_header, is_secret_url
from bridge.migrate.writing import Comment
from bridge.settings.values import check_url

Sink = dict[str, Any]

_HTTP_BRIDGE: Final = "send CloudEvents over HTTP to"
_INSTEAD: Final = {
    "kafka": f"{_HTTP_BRIDGE} a Kafka REST proxy or Knative's KafkaSink",
    "kinesis": f"{_HTTP_BRIDGE} API Gateway with a Kinesis integration",
    "firehose": f"{_HTTP_BRIDGE} Vector or Fluent Bit, which write to Firehose",
    "sqs": f"{_HTTP_BRIDGE} API Gateway with an SQS integration",
    "sns": f"{_HTTP_BRIDGE} API Gateway with an SNS integration",
    "eventbridge": f"{_HTTP_BRIDGE} an EventBridge partner or API Gateway integration",
    "opscenter": f"{_HTTP_BRIDGE} a Lambda URL that makes OpsItems",
    "pubsub": f"{_HTTP_BRIDGE} Eventarc, or the Pub/Sub REST API through a proxy",
    "bigquery": f"{_HTTP_BRIDGE} a Cloud Run function that inserts rows",
    "syslog": "use a sink of type stdout, and the node's log agent to forward it",
    "file": "use a sink of type stdout, and the node's log agent to keep it",
    "pipe": "use a sink of type stdout, whose lines another process can read",
    "prometheus": "count events from /metrics: kubebridge_… by sink and route",
    "inMemory": "it is for their tests alone",
}

_TLS: Final = {
    "insecureSkipVerify": "insecureSkipVerify",
    "serverName": "serverName",
    "caFile": "ca",
    "certFile": "cert",
    "keyFile": "key",
}
_DATES: Final = {
    "2006": "[:4]",
    "06": "[2:4]",
    "01": "[5:7]",
    "02": "[8:10]",
    "15": "[11:13]",
}
_DATE: Final = re.compile("2006|06|01|02|15")


class _LeftOutError(Exception):
    """A receiver cannot be converted; the report says why."""


class ReceiverConverter:
    """Converts the receivers of one file."""

    def __init__(
        self, report: ConversionReport, layouts: LayoutConverter, secrets: SecretNames
    ) -> None:
        """Convert nothing yet."""
        self._report = report
        self._layouts = layouts
        self._secrets = secrets
        self._makers: Mapping[str, Callable[[Section, str], Sink]] = {
            "webhook": self._webhook,
            "stdout": self._stdout,
            "elasticsearch": self._elasticsearch,
            "opensearch": self._elasticsearch,
            "opsgenie": self._opsgenie,
            "slack": self._slack,
            "teams": self._teams,
            "loki": self._loki,
        }

    def convert(self, receiver: Section, name: str) -> Sink | None:
        """Return a sink; None: it has no equivalent.

        Args:
            receiver: Theirs.
            name: Of ours.
        """
        kinds = [key for key, _ in receiver.entries() if key != "name"]
        known = [one for one in kinds if one in self._makers or one in _INSTEAD]
        for kind in kinds:
            if kind not in known:
                text = "is no kind of receiver that is known here"
                self._report.add(
                    receiver.get(kind).line, "none", receiver.get(kind).thing, text
                )
        if len(known) != 1:
            text = f"left out: expected one kind of receiver, got {len(known)}"
            self._report.add(receiver.line, "none", receiver.thing, text)
            return None
        return self._one(receiver.get(known[0]), known[0], name)

    def _one(self, settings: Section, kind: str, name: str) -> Sink | None:
        if kind in _INSTEAD:
            text = f"left out: there is no such sink; {_INSTEAD[kind]}"
            self._report.add(settings.line, "none", settings.thing, text)
            return None
        try:
            made = self._makers[kind](settings, name)
        except _LeftOutError:
            return None
        except (GoTemplateError, TemplateError) as error:
            text = f"the receiver is left out: {error}"
            self._report.add(settings.line, "none", settings.thing, text)
            return None
        comment = Comment(f"line {settings.line} of theirs: {kind}")
        return {comment: None, "name": name, **made}

    def _webhook(self, settings: Section, name: str) -> Sink:
        self._tell_unknown(settings, "endpoint", "tls", "layout", "headers")
        form: Sink = {"type": "template"}
        headers = self._headers(settings.get("headers"), name, form)
        form["body"] = self._layouts.body(settings.get("layout"))
        return {
            "url": self._url(settings.get("endpoint"), name),
            **headers,
            **self._tls(settings.get("tls")),
            "format": form,
        }

    def _stdout(self, settings: Section, _: str) -> Sink:
        self._tell_unknown(settings, "deDot", "layout")
        text = (
            "each line is a CloudEvent in JSON, with the Event as its data: sinks of "
            "type stdout have no layout"
        )
        place = settings.get("layout")
        self._report.add(place.line, "none" if place else "better", place.thing, text)
        return {"type": "stdout"}

    def _slack(self, settings: Section, name: str) -> Sink:
        known = ("token", "channel", "message", "color", "footer", "title")
        self._tell_unknown(settings, *known, "author_name", "fields")
        channel = self._layouts.leaf(settings.get("channel"))
        text = self._layouts.optional(settings.get("message")) or ""
        body: Sink = {"channel": channel, "text": slack_text(text)}
        if settings.get("fields"):
            body["attachments"] = [self._attachment(settings)]
        token = self._secrets.move(settings.get("token"), sink=name, name="token")
        return {
            "url": "https://slack.com/api/chat.postMessage",
            "auth": {"bearer": token},
            "format": {"type": "slack", "body": body},
        }

    def _attachment(self, settings: Section) -> Sink:
        """Return what is under a message; without fields they send nothing of it."""
        made: Sink = {}
        for key in ("author_name", "color", "title", "footer"):
            if text := self._layouts.optional(settings.get(key)):
                made[key] = text
        fields = sorted(settings.get("fields").entries())
        made["fields"] = [
            {"title": title, "value": self._layouts.optional(one) or "", "short": False}
            for title, one in fields
        ]
        return made

    def _teams(self, settings: Section, name: str) -> Sink:
        self._tell_unknown(settings, "endpoint", "layout", "headers")
        text = (
            "an Adaptive Card for the webhook of a workflow: Microsoft retired the "
            "connectors for which theirs is made, so make a workflow and use its URL"
        )
        self._report.add(settings.line, "better", settings.thing, text)
        if layout := settings.get("layout"):
            text = "the card says what, where, how often and since when by itself"
            self._report.add(layout.line, "none", layout.thing, text)
        made: Sink = {"type": "teams"}
        headers = self._headers(settings.get("headers"), name, made)
        if "headers" in made:
            text = "headers with templates are left out: the format teams has none"
            self._report.add(settings.line, "none", settings.get("headers").thing, text)
        url = self._secrets.move(settings.get("endpoint"), sink=name, name="url")
        return {"url": url, **headers, "format": "teams"}

    def _loki(self, settings: Section, name: str) -> Sink:
        self._tell_unknown(settings, "url", "headers", "streamLabels", "tls", "layout")
        form: Sink = {"type": "template"}
        headers = self._headers(settings.get("headers"), name, form)
        labels = {
            key: self._constant(one)
            for key, one in settings.get("streamLabels").entries()
        }
        line = self._line(settings.get("layout"))
        time = "{{ (event.time|unixms|string) ~ '000000' }}"
        entry = {"stream": labels, "values": [[time, f"{{{{ ({line})|tojson }}}}"]]}
        form["body"] = {"streams": [entry]}
        text = (
            "the time of a line is that of the event, where theirs is that of sending; "
            "format: loki would send batches, with labels of the event's"
        )
        self._report.add(settings.line, "better", settings.thing, text)
        if tls := settings.get("tls"):
            self._report.add(tls.line, "better", tls.thing, "is used; there it is not")
        url = self._url(settings.get("url"), name)
        return {"url": url, **headers, **self._tls(settings.get("tls")), "format": form}

    def _line(self, layout: Section) -> str:
        if layout:
            return expression_of(self._layouts.body(layout))
        text = "a line is the Event as the API server gave it, without clusterName"
        self._report.add(layout.line, "better", layout.thing, text)
        return "object"

    def _elasticsearch(self, settings: Section, name: str) -> Sink:
        known = (
            "hosts",
            "username",
            "password",
            "cloudID",
            "apiKey",
            "headers",
            "index",
        )
        more = ("indexFormat", "useEventID", "deDot", "type", "tls", "layout")
        self._tell_unknown(settings, *known, *more)
        form: Sink = {"type": "template"}
        headers = self._headers(settings.get("headers"), name, form)
        path = f"/{self._index(settings)}/{settings.get('type').text or '_doc'}"
        if settings.get("useEventID").data is True:
            form["method"] = "PUT"
            path += "/{{ object.metadata.uid }}"
        else:
            text = (
                "a document gets an id of the store's: an attempt that is repeated may "
                "store it twice; useEventID or format: elasticsearch would not"
            )
            self._report.add(settings.line, "better", settings.thing, text)
        form |= {"path": path, "body": self._layouts.body(settings.get("layout"))}
        if (dots := settings.get("deDot")).data is True:
            text = "no dots are replaced: map labels and annotations as 'flattened'"
            self._report.add(dots.line, "none", dots.thing, text)
        auth = self._login(settings, name, headers)
        url = self._host(settings, name)
        tls = self._tls(settings.get("tls"))
        return {"url": url, **auth, **headers, **tls, "format": form}

    def _login(self, settings: Section, name: str, headers: Sink) -> Sink:
        """Return credentials; an API key is added to the headers."""
        if key := settings.get("apiKey"):
            form = "ApiKey <the key>"
            moved = self._secrets.move(key, sink=name, name="authorization", form=form)
            headers.setdefault("headers", {})["Authorization"] = moved
            return {}
        user = settings.get("username")
        if not user.text:
            return {}
        password = settings.get("password")
        moved = self._secrets.move(password, sink=name, name="password")
        basic = {"username": self._constant(user), "password": moved}
        return {"auth": {"basic": basic}}

    def _host(self, settings: Section, name: str) -> Any:
        if cloud := settings.get("cloudID"):
            host = _cloud_host(cloud.text)
            if host is None:
                self._leave_out(
                    cloud, "cannot be read: write the URL of the deployment"
                )
            return f"https://{host}"
        hosts = list(settings.get("hosts").items())
        if not hosts:
            self._leave_out(settings.get("hosts"), "expected a host, got none")
        if len(hosts) > 1:
            text = "the first host alone is used: put a Service before them"
            self._report.add(hosts[1].line, "none", hosts[1].thing, text)
        return self._url(hosts[0], name)

    def _index(self, settings: Section) -> str:
        form = settings.get("indexFormat")
        if not form.text:
            return self._constant(settings.get("index"))
        before, _, rest = self._constant(form).partition("{")
        inside, _, after = rest.rpartition("}")
        if re.search("[0-9A-Za-z]", _DATE.sub("", inside)):
            self._leave_out(form, "expected dates of 2006, 01, 02 and 15 alone")
        made = _DATE.sub(lambda one: f"{{{{ event.time{_DATES[one[0]]} }}}}", inside)
        text = "the date is that of the event, in UTC, where theirs is that of sending"
        self._report.add(form.line, "better", form.thing, text)
        return f"{before}{made}{after}"

    def _opsgenie(self, settings: Section, name: str) -> Sink:
        known = ("apiKey", "URL", "priority", "message", "alias", "description")
        self._tell_unknown(settings, *known, "tags", "details")
        body: Sink = {"message": self._layouts.leaf(settings.get("message"))}
        body["alias"] = self._layouts.optional(settings.get("alias"))
        body["description"] = self._layouts.optional(settings.get("description"))
        if settings.get("tags"):
            body["tags"] = self._layouts.tree(settings.get("tags"))
        if settings.get("details"):
            body["details"] = self._layouts.tree(settings.get("details"))
        body["priority"] = self._constant(settings.get("priority")) or "P3"
        host = self._constant(settings.get("URL")) or "api.opsgenie.com"
        form = "GenieKey <the key>"
        key = settings.get("apiKey")
        moved = self._secrets.move(key, sink=name, name="authorization", form=form)
        kept = {key: value for key, value in body.items() if value is not None}
        return {
            "url": f"https://{host.removeprefix('https://')}/v2/alerts",
            "headers": {"Authorization": moved},
            "format": {"type": "template", "body": kept},
        }

    def _headers(self, headers: Section, name: str, form: Sink) -> Sink:
        """Return header fields; those with templates are added to the format."""
        made: Sink = {}
        for field, value in headers.entries():
            if field.lower() == "content-type":
                form["contentType"] = self._constant(value)
                text = "is set; there application/json stands before it"
                self._report.add(value.line, "better", value.thing, text)
            elif "{{" in value.text:
                if template := self._layouts.optional(value):
                    form.setdefault("headers", {})[field] = template
            elif is_secret_header(field) or references(value.text):
                made[field] = self._secrets.move(value, sink=name, name=field)
            else:
                made[field] = value.text
        return {"headers": made} if made else {}

    def _url(self, url: Section, name: str) -> Any:
        if references(url.text) or is_secret_url(url.text):
            return self._secrets.move(url, sink=name, name="url")
        try:
            return check_url(url.text)
        except ValueError:
            self._leave_out(url, "expected a URL of http or https")

    def _tls(self, tls: Section) -> Sink:
        made: Sink = {}
        self._tell_unknown(tls, *_TLS)
        for theirs, ours in _TLS.items():
            one = tls.get(theirs)
            if one and one.data is not False and one.text:
                made[ours] = True if one.data is True else self._constant(one)
        return {"tls": made} if made else {}

    def _constant(self, text: Section) -> str:
        """Return a text that no template and no variable changes."""
        if names := references(text.text):
            names_shown = ", ".join(f"${name}" for name in names)
            self._leave_out(text, f"{names_shown} is expanded there: write the value")
        return text.text

    def _leave_out(self, part: Section, why: str) -> None:
        text = f"the receiver is left out: {why}"
        self._report.add(part.line, "none", part.thing, text)
        raise _LeftOutError

    def _tell_unknown(self, section: Section, *known: str) -> None:
        for key, value in section.entries():
            if key not in known:
                text = "is ignored there, so it is here"
                self._report.add(value.line, "none", value.thing, text)


def _cloud_host(cloud_id: str) -> str | None:
    """Return the host that a Cloud ID names; None: it cannot be read."""
    try:
        decoded = base64.b64decode(cloud_id.rpartition(":")[2]).decode()
        domain, uuid, *_ = decoded.split("$")
    except ValueError:
        return None
    return f"{uuid}.{domain}" if domain and uuid else None
