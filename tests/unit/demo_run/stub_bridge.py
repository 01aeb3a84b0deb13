"""A process that answers as a bridge does: ``stub_bridge.py PORT [behaviour]``."""

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

BEHAVIOUR = sys.argv[2] if len(sys.argv) > 2 else ""
PAGES = {
    ("/api/v1/events", ""): {
        "items": [{"attributes": {"id": "a-1"}}],
        "next": "1",
    },
    ("/api/v1/events", "1"): {"items": [], "next": "2"},
    ("/api/v1/events", "2"): {"items": [{"attributes": {"id": "a-2"}}], "next": None},
    ("/api/v1/dead-letters", ""): {"items": [{"id": "b-1"}], "next": None},
    ("/api/v1/sinks", ""): {
        "items": [{"name": "dead", "backlog": 2, "deadLetters": 1}]
    },
    ("/readyz", ""): {},
}


class Handler(BaseHTTPRequestHandler):
    """Answers from `PAGES`."""

    def do_GET(self):
        """Answer one request."""
        url = urlsplit(self.path)
        after = dict(parse_qsl(url.query)).get("after", "")
        is_probe = url.path == "/readyz"
        sick = ("never-ready" if is_probe else "sick") == BEHAVIOUR
        self.send_response(503 if sick else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(PAGES[url.path, after]).encode())

    def log_message(self, *args):
        """Say nothing."""


if BEHAVIOUR == "fail":
    print("no such thing")  # noqa: T201
    sys.exit(3)
if BEHAVIOUR == "ignore-sigterm":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
