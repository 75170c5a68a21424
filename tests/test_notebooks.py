"""The notebooks run from top to bottom, hold no output, and link to what is there."""

import json
import re
import shutil
import subprocess
import sys
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


@pytest.mark.slow
def test_notebooks_run_from_top_to_bottom(tmp_path):
    """In kernels of their own, with Assay as this environment has it; ipywidgets is not installed, so nothing may need it."""
    for path in NOTEBOOKS:
        shutil.copy(path, tmp_path)
    command = [sys.executable, "-m", "pytest", "--nbmake", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"{len(NOTEBOOKS)} passed" in done.stdout, done.stdout[-3_000:]
    assert done.returncode == 0
