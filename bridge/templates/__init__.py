"""TEMPLATES: expressions over an event, checked when they are read, bounded when run.

A template is a tree of YAML: texts in mappings and lists. A text holds expressions of
MiniJinja (docs.rs/minijinja/latest/minijinja/syntax) between ``{{`` and ``}}``,
and ``{% if %}`` and ``{% for %}`` around them::

    text: "{{ object.reason }} on {{ event.subject }}"
    count: "{{ object.count }}"                 a number: the expression is all of it
    node: "{{ object.source.host or omit }}"    left out where there is none

- `syntax` refuses, with the place, whatever could do harm or cannot work.
- `compiled` runs the rest; its fuel bounds time and memory.
"""

from bridge.templates.compiled import OMIT, Expression, Template, context_of

__all__ = ["OMIT", "Expression", "Template", "context_of"]
