"""Text of a log that would command a terminal, a page or a spreadsheet: nothing of it is obeyed, and JSON keeps its value."""

import ast
import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as h

import assay
from assay.app import card, cli, options, progress, report, safe, terminal
from assay.app.console import console
from assay.benchmark.keep.folder import freeze
from assay.benchmark.plan.build import build
from assay.pages.answers import RecommendedItem, UserList
from assay.runs.store import write_parquet
from assay.testing.benchmarks import make_benchmark, predictions
from tests.app.conftest import listed

TITLE, CLEAR, REVERSE = "\x1b]0;owned\x07", "\x1b[2J", "\u202etxt.exe"
HOSTILE = [
    f"{TITLE}milk",
    f"{CLEAR}bread",
    f"{REVERSE} \u2066eggs",
    "tea\nerror: forged",
    "\x9b2Jrice",
    "\x00\x7f\u2028",
    "\ud800",
]
ORDERS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
anything = h.text(h.characters() | h.sampled_from("\x1b\x07\x9b\x85\r\n\t\u2028\u202e\u2067\u2069\ud800\udfff"), max_size=30)


def harmful(text: str) -> list[str]:
    """Characters of text that a terminal may obey, by Unicode's own tables."""
    bad = ("Cc", "Cs", "Zl", "Zp")
    return [c for c in text if (unicodedata.category(c) in bad and c != "\n") or unicodedata.bidirectional(c) in ORDERS]


@given(anything)
def test_plain_text_holds_nothing_that_is_obeyed(text):
    assert harmful(safe.plain_text(text)) == []
    assert "\n" not in safe.one_line(text)
    assert safe.plain_text(text).count("\n") == text.count("\n")
    assert safe.plain_text(safe.plain_text(text)) == safe.plain_text(text)


@given(h.text(h.characters(exclude_categories=("C", "Zl", "Zp")), max_size=30))
def test_text_of_any_script_stays_as_it_is(text):
    assert safe.plain_text(text) == safe.one_line(text) == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=anything, text=anything)
def test_nothing_of_a_log_commands_the_terminal(name, text, capsys):
    terminal.print_lines([(name, text, "bold")])
    terminal.print_line(text)
    terminal.print_table([name], [[text], [[text, (text, "red")]], [None]])
    item = RecommendedItem(rank=1, item_id=name, name=text, score=1.0, category=None, reason=text)
    terminal.show_user(UserList(user=name, known=True, recommendations=[item]))
    console().print(text)
    safe.echo(text)
    safe.complain(text)
    shown = capsys.readouterr()
    assert harmful(shown.out + shown.err) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=h.dictionaries(anything, anything, max_size=3))
def test_json_is_harmless_and_keeps_every_value(value, capsys):
    options.print_json(value)
    out = capsys.readouterr().out
    assert harmful(out) == []
    assert json.loads(out) == value


def test_a_name_with_a_line_break_stays_in_its_row(capsys):
    terminal.print_table(("item", "reason"), [("tea\nerror: forged", "new"), ("rice", "new")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("tea error: forged")


def test_markup_of_a_name_is_text(capsys):
    terminal.print_lines([("[bold]system[/]", "[link=x]y", "")])
    assert capsys.readouterr().out.split() == ["[bold]system[/]", "[link=x]y"]


@pytest.mark.parametrize("text", HOSTILE)
def test_an_error_is_one_harmless_line(text, capsys):
    assert cli.main(["show", f"no/such/{text}"]) in (1, 2)
    err = capsys.readouterr().err
    assert harmful(err) == []
    assert err.count("\n") == 1


def test_the_traceback_of_a_fault_is_harmless(monkeypatch, tmp_path, capsys):
    def fault(*args, **more):
        raise ZeroDivisionError(CLEAR)

    monkeypatch.setattr("assay.finished.Finished.__init__", fault)
    assert cli.main(["show", str(tmp_path), "--debug"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert harmful(err) == []


def test_progress_of_a_hostile_name_is_harmless(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    with progress.bars() as tell:
        tell(f"collect: {TITLE}[bold]x", 1, 2)
    err = capsys.readouterr().err
    assert "\x1b]0" not in err  # Rich's own codes stay
    assert "\x07" not in err
    assert "[bold]x" in err


def test_hostile_names_of_a_run_are_shown_harmlessly(run, capsys):
    names = [name.encode("utf-8", "replace").decode() for name in HOSTILE]  # Parquet holds no lone surrogates
    rows = [
        {"user_id": name, "item_id": name, "rank": 1, "score": 1.0, "name": name, "category": name, "reason": name}
        for name in names
    ]
    write_parquet(run.folder / "recommendations.parquet", pa.Table.from_pylist(rows))
    write_parquet(run.folder / "clean/users.parquet", pa.table({"user_code": range(len(names)), "user_id": names}))
    again = listed(run.folder)
    assert cli.main(["user", str(run.folder), names[0]]) == 0
    out = capsys.readouterr().out
    assert harmful(out) == []
    assert "has no list" not in out
    text = report.write(again).read_text(encoding="utf-8")
    assert "milk" in text
    assert harmful(text) == []


def test_a_hostile_title_can_be_written(run):
    config = json.loads((run.folder / "config.json").read_text())
    config["show"]["title"] = "".join(HOSTILE)
    (run.folder / "config.json").write_text(json.dumps(config))
    text = report.write(listed(run.folder)).read_text(encoding="utf-8")
    assert harmful(text) == []


def test_a_hostile_system_on_a_card_is_harmless(tmp_path):
    pool = make_benchmark(requests=60)
    names = [name.encode("utf-8", "replace").decode() for name in HOSTILE]
    board = pool.score({name: predictions(pool, k) for k, name in enumerate(names)}, {})
    kept = freeze(build(replace(pool, scores=board), size=20), tmp_path / "kept", name=TITLE)
    assert harmful(card.write(kept).read_text(encoding="utf-8")) == []


def test_a_config_from_hostile_columns_is_harmless_and_says_the_same(tmp_path, capsys):
    columns = {"user\x7f": ["u1", "u2"], "item": ["a", "b"], "time\x9b": ["2024-01-01", "2024-01-02"]}
    write_parquet(tmp_path / "log.parquet", pa.table(columns))
    assert cli.main(["init", str(tmp_path / "log.parquet")]) == 0
    out = capsys.readouterr().out
    assert harmful(out) == []
    assert "user\\u007f" in out


def test_nothing_else_prints():
    own = {"print": "safe.py", "typer.echo": "safe.py", "Console": "console.py"}
    root = Path(assay.__file__).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert path.name == own.get(called, path.name), f"{path}: {called} prints text of a log as it comes"
