"""The pages' code runs, their configs parse, their commands exist, their links lead somewhere."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import sqlglot
import typer

from assay import config, stages
from assay.app import cli

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
BLOCK = re.compile(r"^```([a-z]+)( fragment)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
# pages whose code runs for seconds
LONG = ("docs/beyond_shops.md", "docs/search/index.md", "docs/python.md", "docs/models/neural.md")


def blocks(page: Path, language: str) -> list[str]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for kind, fragment, text in found if kind == language and not fragment]


def having(language: str) -> list:
    return [
        pytest.param(page, id=name, marks=[pytest.mark.slow] if name in LONG else [])
        for page, name in zip(PAGES, IDS, strict=True)
        if blocks(page, language)
    ]


@pytest.mark.parametrize("page", having("python"))
def test_python_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "docs"}
    for text in blocks(page, "python"):
        exec(compile(text, str(page), "exec"), names)


@pytest.mark.parametrize("page", having("toml"))
def test_configs_are_taken(page):
    for text in blocks(page, "toml"):
        config.parse(tomllib.loads(text))


@pytest.mark.parametrize("page", having("toml"))
def test_queries_select_what_their_configs_map(page):
    for text in blocks(page, "toml"):
        for events in tomllib.loads(text).get("log", {}).get("events", []):
            if query := events.get("query"):
                wanted = {*events["columns"].values(), *filter(None, [events.get("grows_by")])}
                assert wanted <= set(sqlglot.parse_one(query).named_selects)


@pytest.mark.parametrize("page", having("sh"))
def test_commands_and_targets_exist(page):
    command = typer.main.get_command(cli.app)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in "".join(blocks(page, "sh")).splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"]:
            assert words[1] in targets
        elif words:
            assert words[0] == "assay"
            named = command.commands[words[1]]
            named = named.commands[words[2]] if hasattr(named, "commands") else named
            known = {option for p in named.params for option in p.opts}
            assert {word for word in words if word.startswith("--")} <= known


def test_every_key_of_the_config_is_described():
    page = (ROOT / "docs" / "your_log.md").read_text(encoding="utf-8")
    for name in ("clean", "samples", "encode", "models", "value", "select", "evaluate", "recommend"):
        section = config.Config.model_fields[name].annotation
        for key in section.model_fields:
            assert key in page or key.replace("candidates", "") in page, f"{name}.{key}"


@pytest.mark.parametrize("page", [pytest.param(page, id=name) for page, name in zip(PAGES, IDS, strict=True)])
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link


@pytest.mark.slow
def test_the_picture_of_the_stages_is_what_the_code_draws(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "figures")
    import architecture
    import style

    style.save(architecture.draw_architecture, tmp_path / "now.svg")
    kept, now = (path.read_text() for path in (ROOT / "docs" / "figures" / "architecture.svg", tmp_path / "now.svg"))
    words, arrows = r">([^<>\n]+)</text>", r'id="(\w+ to \w+)"'
    for what in (words, arrows):
        assert re.findall(what, kept) == re.findall(what, now), "run: python docs/figures/make.py architecture"
    assert set(stages.graph().stages) <= set(re.findall(words, kept))
    assert {"clean to samples", "value to study"} <= set(re.findall(arrows, kept))


def test_the_list_of_pages_names_each_of_them():
    listed = set()
    for page in (ROOT / "docs" / "index.md", ROOT / "docs" / "valuers" / "index.md"):
        links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        listed |= {(page.parent / link).resolve() for link in links}
    assert {page.resolve() for page in PAGES if page.parent != ROOT and page != ROOT / "docs" / "index.md"} <= listed
