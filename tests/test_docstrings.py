"""What `help` says of every public function: its parameters as they are, its sections, an example that runs."""

import doctest
import inspect
import re

import pytest

import assay

FUNCTIONS = [name for name in assay.__all__ if inspect.isfunction(getattr(assay, name))]
METHODS = [name for name, method in inspect.getmembers(assay.Run, inspect.isfunction) if method.__qualname__ == f"Run.{name}"]
SECTIONS = re.compile(r"^(\w+)\n-+\n", re.MULTILINE)
ORDER = ["Parameters", "Returns", "Raises", "References", "Examples"]
AS_ELSEWHERE = re.compile(r"As in `(\w+)`")


def sections(text: str) -> dict[str, str]:
    """The text below each heading of numpydoc."""
    parts = SECTIONS.split(text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def parameters(text: str) -> list[str]:
    """The names that a section of parameters describes, in order."""
    lines = [line.partition(" :")[0] for line in text.splitlines() if line and not line.startswith(" ")]
    return [name.lstrip("*") for line in lines for name in line.split(", ")]


def documented(function) -> dict[str, str]:
    return sections(inspect.getdoc(function) or "")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_says_what_it_takes_gives_and_refuses(name):
    function = getattr(assay, name)
    parts = documented(function)
    assert list(parts) == [section for section in ORDER if section in parts]
    assert {"Parameters", "Returns", "Raises", "Examples"} <= set(parts)
    described, real = parameters(parts["Parameters"]), list(inspect.signature(function).parameters)
    assert sorted(described) == sorted(real)
    assert all(part.strip() for part in parts.values())


@pytest.mark.parametrize("name", [name for name in METHODS if not name.startswith("_")])
def test_every_method_of_a_run_does_too(name):
    method = getattr(assay.Run, name)
    parts = documented(method)
    real = [parameter for parameter in inspect.signature(method).parameters if parameter != "self"]
    assert parameters(parts.get("Parameters", "")) == real
    assert not real or {"Returns", "Raises"} <= set(parts)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_stands_elsewhere_is_there(name):
    function = getattr(assay, name)
    for other in AS_ELSEWHERE.findall(inspect.getdoc(function) or ""):
        assert {"Parameters", "Returns"} <= set(documented(getattr(assay, other)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_example_gives_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tests = doctest.DocTestFinder(recurse=False).find(getattr(assay, name), name, globs={})
    [example] = [test for test in tests if test.examples]
    assert any(f"assay.{name}(" in line.source for line in example.examples)
    told: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=told.append)
    assert told == []
