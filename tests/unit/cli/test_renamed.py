"""Options and names of JSON: of one form in all verbs; an old option is told."""

import pytest
from typer import main as typer_main
from typer.testing import CliRunner

from bridge.cli import app

OLD = {
    "--to": ("deliveries replay", "--to-sink"),
    "--waiting": ("events list", "--sink"),
}


@pytest.mark.parametrize("old", OLD)
def test_an_old_option_is_refused_with_its_new_name(old):
    """As a usage error, before the API is asked (issue 11, section 1)."""
    verb, new = OLD[old]

    result = CliRunner().invoke(app, [*verb.split(), old, "hook"])

    assert result.exit_code == 2
    assert f"Error: {old} was renamed to {new}\n" in result.stderr


def test_an_option_that_a_verb_never_had_was_not_renamed():
    """What has no new name there is an unknown option, as before."""
    result = CliRunner().invoke(app, ["sinks", "list", "--to", "hook"])

    assert result.exit_code == 2
    assert "No such option: --to" in result.stderr


def verbs(command=None, name=()):
    """All verbs, each with its options and arguments."""
    command = command or typer_main.get_command(app)
    inner = getattr(command, "commands", None)
    if inner is None:
        return {" ".join(name): command.params}
    found = {}
    for word, one in inner.items():
        found |= verbs(one, (*name, word))
    return found


def test_sinks_and_handles_are_called_so_in_all_verbs():
    """`--sink` selects, `--to-sink` is a target, and never `--to` (issue 11)."""
    names = {
        verb: {name for one in params for name in (*one.opts, one.name)}
        for verb, params in verbs().items()
    }

    of_sinks = {verb for verb, all_ in names.items() if "--to" in all_}
    assert of_sinks == {"queue recover"}  # a file
    assert "--sink" in names["events list"] & names["dead-letters replay"]
    for verb in ("deliveries", "events", "dead-letters"):
        assert "handle" in names[f"{verb} show"]
        assert "handles" in names[f"{verb} replay"]
    for verb in ("sinks pause", "sinks resume", "sinks purge", "send-test"):
        assert "sink" in names[verb]
