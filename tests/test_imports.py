"""No two modules need each other: what imports what has no circle, inside functions neither.

But for `assay` itself, which imports nothing until a name of it is asked for; modules take its version.
"""

import ast
import graphlib
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"


def imports() -> dict[str, set[str]]:
    """Modules of ours that each module imports, anywhere in its file."""
    paths = {".".join(path.relative_to(SOURCE).with_suffix("").parts): path for path in SOURCE.rglob("*.py")}
    files = {module.removesuffix(".__init__"): path for module, path in paths.items()}
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                whole = [f"{node.module}.{name.name}" for name in node.names]
                named |= {name if name in files else node.module for name in whole}
            elif isinstance(node, ast.Import):
                named |= {name.name for name in node.names}
        found[module] = named & files.keys() - {module, "assay"}
    return found


@pytest.mark.slow
def test_no_two_modules_need_each_other():
    graph = imports()
    assert "assay.text.embed" in graph["assay.text.transformer"]
    graphlib.TopologicalSorter(graph).prepare()  # CycleError names the circle
