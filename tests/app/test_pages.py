"""Pages: each is declared by one stage, holds what its class says, and what is shown of a run is read from them alone."""

import ast
import importlib
import json
import pkgutil
from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest

import assay.app
import assay.pages
from assay.app import report
from assay.errors import InputError
from assay.finished import Finished
from assay.runs.graph import Graph
from assay.runs.pages import Page
from assay.runs.section import Section
from assay.runs.stage import stage
from assay.runs.store import Folder, write_json
from assay.stages import BESIDE, graph
from tests.app.conftest import listed


def declared() -> list[type[Page]]:
    return [page for stage in graph().stages.values() for page in stage.pages]


def every_page() -> set[type[Page]]:
    """All classes of pages in the package, whoever declares them."""
    for module in pkgutil.iter_modules(assay.pages.__path__):
        importlib.import_module(f"assay.pages.{module.name}")
    graph()
    waiting, found = [Page], set()
    while waiting:
        below = [page for page in waiting.pop().__subclasses__() if page.__module__.startswith("assay.")]
        found.update(below)
        waiting += below
    return found


def test_every_page_is_declared_by_exactly_one_stage():
    assert Counter(declared()) == dict.fromkeys(every_page(), 1)


def test_no_two_pages_have_one_path():
    paths = [page.path for page in declared()]
    assert sorted(set(paths)) == sorted(paths)


def test_every_page_says_what_it_holds():
    for page in every_page():
        assert page.__doc__ != Page.__doc__, page


def test_what_is_shown_is_read_from_pages_alone():
    """No module of app reads JSON of a run by its name, nor a file around `Finished`."""
    for path in Path(assay.app.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert not called.endswith((".read_json", "pq.read_table", "ParquetFile")), f"{path}: {called}"


@pytest.mark.parametrize("page", declared(), ids=lambda page: page.path)
def test_a_page_of_another_kind_is_refused(page, tmp_path):
    write_json(tmp_path / page.path, {"no such field": 1})
    with pytest.raises(InputError, match="make the run again"):
        page.read(Folder(tmp_path))


def test_a_page_that_shows_itself_is_a_section_of_the_report(run, monkeypatch):
    class Kites(Page):
        """number: of kites in the sky."""

        path: ClassVar[str] = "kites/seen.json"
        number: int

        def section(self) -> Section:
            return Section(f"{self.number} kites are in the sky.")

    @stage(follows=(), reads=(), makes=(), pages=(Kites,))
    def kites(work):
        work.folder.write(Kites(number=3))

    monkeypatch.setattr("assay.stages.graph", lambda: Graph([kites]))
    monkeypatch.setattr("assay.stages.words", lambda name: f"Count {name}.")
    write_json(run.folder / Kites.path, Kites(number=3).content())
    opened = listed(run.folder, "kites")
    assert "<h2>Count kites.</h2>" in report.write(opened).read_text(encoding="utf-8")
    assert [section.lead for section in report.sections_of(opened, "kites")] == ["3 kites are in the sky."]


def test_a_section_of_a_stage_beside_the_run_is_that_stage_s():
    assert {part.stage for part in report.PARTS if part.stage} <= set(BESIDE)


def test_pages_of_a_run_are_what_their_classes_say(run: Finished):
    for page in declared():
        if run.exists(page.path):
            assert page.read(run).content() == json.loads((run.folder / page.path).read_text(encoding="utf-8"))
