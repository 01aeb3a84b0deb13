"""The report of a conversion: what became of each thing of their file, by line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

Verdict = Literal["same", "better", "secret", "none"]
"""`same`: behaves alike; `better`: behaves differently, and how; `secret`: belongs in
the environment; `none`: has no equivalent, and why."""

_HEADINGS: Final[dict[Verdict, str]] = {
    "none": "No equivalent: decide what to do",
    "secret": "Secrets: put them into the environment",
    "better": "Behaves differently",
    "same": "The same",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result for one part of the file.

    Attributes:
        line: In their file, from 1.
        verdict: In one word.
        thing: What it is called there, e.g. ``route.match[0].kind``.
        text: What becomes of it, or why nothing does.
    """

    line: int
    verdict: Verdict
    thing: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionReport:
    """All findings of one file.

    Attributes:
        name: Of their file.
        findings: In the order in which they were made.
    """

    name: str
    findings: list[Finding] = field(default_factory=list)

    def add(self, line: int, verdict: Verdict, thing: str, text: str) -> None:
        """Add a finding, once."""
        found = Finding(line=line, verdict=verdict, thing=thing, text=text)
        if found not in self.findings:
            self.findings.append(found)

    def count(self, verdict: Verdict) -> int:
        """Return how many findings have a verdict."""
        return sum(one.verdict == verdict for one in self.findings)

    def lines(self) -> Iterator[str]:
        """Yield lines of text, the verdicts that ask for a decision first."""
        for verdict, heading in _HEADINGS.items():
            found = [one for one in self.findings if one.verdict == verdict]
            if found:
                yield f"{heading} ({len(found)})"
            for one in sorted(found, key=lambda one: one.line):
                yield f"  {self.name}:{one.line}: {one.thing}: {one.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A file of ours, made of theirs.

    Attributes:
        text: YAML; None: nothing of theirs can be converted.
        report: What became of each thing.
    """

    text: str | None
    report: ConversionReport
