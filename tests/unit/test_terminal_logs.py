"""Log lines on a terminal."""

import structlog

from bridge.logs import configure_logs, get_logger


def test_what_a_stranger_said_steers_no_terminal(capsys):
    """A receiver's answer in a line of text is written out (issue 10, item 38)."""
    before = structlog.get_config()
    try:
        configure_logs(format="text")
        get_logger(sink="hook").warning("Refused.", error="\x1b]0;x\x07\u202e", n=1)
    finally:
        structlog.configure(**before)

    said = capsys.readouterr().err
    assert "\\u001b]0;x\\u0007\\u202e" in said
    assert "\x07" not in said
