"""The notebooks hold no output and link to what is there; `.ci/wheel` runs them with the built wheel."""

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in NOTEBOOKS])
def test_a_notebook_holds_no_output_and_its_links_lead_somewhere(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    links = re.findall(r"\]\(([^)#]+)\)", "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"))
    assert links
    assert all((FOLDER / link).exists() for link in links)
