"""Rules of style that no tool knows of."""

import ast
from collections import Counter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "assay"
GUESSES = {"app/cli.py": 1}  # Typer gives the class of its errors no public name


def calls(path: Path) -> list[ast.Call]:
    """Calls of functions by their plain names, anywhere in a file."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]


@pytest.mark.slow
def test_what_an_object_can_do_is_declared_and_not_guessed():
    """A capability is a protocol that isinstance asks for: no hasattr, and no getattr with a default."""
    has, guesses = Counter(), Counter()
    for path in sorted(SOURCE.rglob("*.py")):
        for call in calls(path):
            name = path.relative_to(SOURCE).as_posix()
            has[name] += call.func.id == "hasattr"
            guesses[name] += call.func.id == "getattr" and len(call.args) == 3
    assert len(has) > 200
    assert +has == {}
    assert +guesses == GUESSES
