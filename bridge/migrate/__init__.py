"""Convert files of kubernetes-event-exporter and of Knative to a configuration.

`convert` says of each thing of theirs what became of it: the same, different and how,
or no equivalent and why. Nothing is guessed: what has no equivalent is left out, and
told by line.
"""

from bridge.config import find_problems
from bridge.config.load import Check
from bridge.config.text import NotYamlError, read_document
from bridge.errors import ConfigError
from bridge.migrate.apiserversource import (
    convert_apiserversource,
    is_apiserversource,
)
from bridge.migrate.exporter import convert_exporter, is_exporter
from bridge.migrate.reading import Section
from bridge.migrate.report import ConversionReport, Converted, Finding

__all__ = ["ConversionReport", "Converted", "Finding", "convert"]


def convert(text: str, *, name: str, check: Check | None = None) -> Converted:
    """Return our file for one of theirs, and the report.

    Args:
        text: Their file.
        name: Of their file, for the report.
        check: Finds further faults of what was made; None: nothing does.

    Raises:
        ConfigError: It is none of theirs, or no YAML; or what was made of it cannot be
            used, which is a fault of ours.
    """
    try:
        document = read_document(text, name=name)
    except NotYamlError as error:
        raise ConfigError([str(error)]) from error
    if document.faults:
        raise ConfigError(document.lines(document.faults))
    root = Section(document.root, 1)
    report = ConversionReport(name=name)
    if is_apiserversource(root):
        converted = convert_apiserversource(root, report)
    elif is_exporter(root):
        converted = convert_exporter(root, report)
    else:
        problem = (
            f"{name}:1:1: expected a configuration of kubernetes-event-exporter (with "
            "route and receivers) or an ApiServerSource"
        )
        raise ConfigError([problem])
    if converted.text is not None and (
        problems := find_problems(converted.text, name=name, env={}, check=check)
    ):
        raise ConfigError([f"what was made is not usable: {one}" for one in problems])
    return converted
