"""`kubebridge convert`: their file in, ours out, the report beside it."""

from pathlib import Path

from bridge.config import parse_config
from tests.unit.cli.conftest import invoke

FILES = Path(__file__).parents[1] / "migrate" / "files"


def test_our_file_is_printed_and_the_report_stands_beside_it(tmp_path):
    """On standard output nothing but the configuration; the report also in a file."""
    report = tmp_path / "report.txt"

    result = invoke("convert", str(FILES / "slack.yaml"), "--report", str(report))

    assert result.exit_code == 0, result.output
    assert parse_config(result.stdout, name="bridge.yaml", env={}).sinks
    assert "slack.yaml:" in report.read_text()
    assert report.read_text().strip() in result.stderr


def test_files_of_somebody_else_are_refused(tmp_path):
    """With what was expected; nothing is printed that looks like a configuration."""
    other = tmp_path / "other.yaml"
    other.write_text("kind: Deployment\n")

    result = invoke("convert", str(other))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected a configuration of kubernetes-event-exporter" in result.stderr


def test_a_file_that_is_not_there_is_named(tmp_path):
    """And why it cannot be read."""
    result = invoke("convert", str(tmp_path / "missing.yaml"))

    assert result.exit_code == 2
    assert "missing.yaml: cannot be read: No such file" in result.stderr
