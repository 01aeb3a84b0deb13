"""One word, one meaning: also for classes."""

import ast
from collections import defaultdict
from pathlib import Path

import bridge


def test_no_two_public_classes_share_a_name():
    """Who greps for a class finds one (issue 11, 1.1)."""
    places = defaultdict(list)
    for path in Path(bridge.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path))

    assert {name: found for name, found in places.items() if len(found) > 1} == {}
