"""A run at MLflow: one entry however often it is logged, every figure with its interval, and no id where ids are hidden."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import assay
from assay.app import cli, report
from assay.config import parse
from assay.errors import ConfigError, InputError
from assay.finished import Finished
from assay.front import tracking
from tests.app.test_cli import toml
from tests.conftest import run_in, shop_config, write_shop
from tests.test_entries import SMALL, features, table_config

mlflow = pytest.importorskip("mlflow")
from mlflow.utils import validation  # noqa: E402


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("tracked")
    write_shop(folder / "log.csv", users=30, items=30, weeks=18)
    return run_in(shop_config(folder / "log.csv", **SMALL), folder / "shop")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty server that is a file; artefacts go to mlruns beside it."""
    for name in (tracking.SERVER, tracking.EXPERIMENT):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def entries(server: str, experiment: str = "assay") -> list:
    client = mlflow.MlflowClient(tracking_uri=server)
    return client.search_runs([client.get_experiment_by_name(experiment).experiment_id])


def files(server: str, run_id: str, to: Path) -> dict[str, Path]:
    to.mkdir()
    root = Path(mlflow.MlflowClient(tracking_uri=server).download_artifacts(run_id, "", str(to)))
    return {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}


def test_what_is_logged(run, server, tmp_path, capsys):
    assert cli.main(["log", str(run.folder), "--mlflow", server, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    [entry] = entries(server)
    assert told == {"experiment": "assay", "run_id": entry.info.run_id, "updated": False}
    assert (entry.info.status, entry.info.run_name) == ("FINISHED", "shop")
    measured = run.read_json("summary.json")["models"]["logistic"]["test"]
    assert {"ndcg@10", "log_loss"} <= set(measured)
    for measure, figure in measured.items():
        name = "logistic/" + measure.replace("@", "_at_")
        for end, key in (("", "value"), ("_low", "low"), ("_high", "high")):
            assert entry.data.metrics.get(name + end) == figure[key]
    change = run.read_json("summary.json")["selection"]["logistic"]["difference"]["log_loss"]
    assert entry.data.metrics["selection/logistic/log_loss"] == change["value"]
    assert entry.data.metrics["selection/logistic/log_loss_low"] == change["low"]
    assert entry.data.params["samples.warm_up"] == "3"
    assert entry.data.params["log.events.0.columns.user_id"] == "who"
    assert json.loads(entry.data.params["select.fractions"]) == [0.02]
    assert entry.data.params["recommend.exclude_bought"] == "false"
    assert entry.data.tags["assay.served"] == run.read_json("summary.json")["standing"]["served"]
    manifest = json.loads((run.folder / "manifest.json").read_text())["stages"]
    tags = {name: entry.data.tags[f"assay.stage.{name}"] for name in manifest}
    assert tags == {name: stage["fingerprint"] for name, stage in manifest.items()}
    paths = files(server, entry.info.run_id, tmp_path / "got")
    values = {f"importance/{name}.parquet" for name in ("probability", "loss", "influence")}
    assert set(paths) == {"report.html", "selection/weights.parquet"} | values
    for name in set(paths) - {"report.html"}:
        assert pq.read_table(paths[name]).to_pandas().equals(run.read_table(name).to_pandas())
    assert paths["report.html"].read_bytes() == (run.folder / "report.html").read_bytes()


def test_a_run_that_is_logged_again_is_the_same_entry(run, server, tmp_path, monkeypatch):
    opened = assay.open(run.folder)
    first = opened.to_mlflow(server)
    assert assay.open(run.folder).to_mlflow(server) == first
    assert len(entries(server)) == 1
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:  # a metric that is written again would be a second point
        assert connection.execute("SELECT max(n) FROM (SELECT count(*) n FROM metrics GROUP BY key)").fetchone() == (1,)
    costs = opened.costs()
    monkeypatch.setattr(assay.Run, "costs", lambda run: costs | {"peak_rss_mb": 1.0})  # made again on a smaller machine
    assert opened.to_mlflow(server) == first
    assert entries(server)[0].data.metrics["cost/peak_rss_mb"] == 1.0
    assert opened.to_mlflow(server, "another") != first
    assert len(entries(server, "another")) == 1


def test_an_entry_that_was_cut_off_is_mended(run, server, monkeypatch):
    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tracking, "copy_files", killed)
        with pytest.raises(KeyboardInterrupt):
            tracking.log(run, server)
    [entry] = entries(server)
    assert entry.info.status == "RUNNING"
    assert tracking.log(run, server).updated
    [entry] = entries(server)
    assert entry.info.status == "FINISHED"


@pytest.mark.slow
def test_another_config_is_another_entry(run, server, tmp_path):
    log = Path(run.config.log.events[0].path)
    other = run_in(shop_config(log, **SMALL, show={"title": "Another"}), tmp_path / "run")
    assert not tracking.log(run, server).updated
    assert not tracking.log(other, server).updated
    titles = {entry.data.params["show.title"] for entry in entries(server)}
    assert titles == {"Assay report", "Another"}


@pytest.mark.slow
def test_a_run_logs_itself_where_its_config_says_so(run, server, tmp_path, monkeypatch, capsys):
    log = Path(run.config.log.events[0].path)
    config = shop_config(log, **SMALL, show={"log_to": "mlflow"})
    content = config.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    (tmp_path / "shop.toml").write_text(toml(content), encoding="utf-8")
    command = ["run", str(tmp_path / "shop.toml"), "--folder", str(tmp_path / "shop")]
    assert cli.main(command) == 2
    assert "MLFLOW_TRACKING_URI is not set" in capsys.readouterr().err
    assert not (tmp_path / "shop").exists()  # said before any work
    monkeypatch.setenv(tracking.SERVER, server)
    monkeypatch.setenv(tracking.EXPERIMENT, "shops")
    assert cli.main(["clean", *command[1:]]) == 0  # no run yet: nothing to log
    assert not (tmp_path / "mlflow.db").exists()
    assert cli.main(command) == 0
    out, err = capsys.readouterr()
    [entry] = entries(server, "shops")
    assert f"logged: experiment shops, run {entry.info.run_id}" in err
    assert cli.main([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["folder"] == str(tmp_path / "shop")
    assert f"updated: experiment shops, run {entry.info.run_id}" in err
    assert assay.run(config, folder=tmp_path / "shop").config.show.log_to == "mlflow"
    assert len(entries(server, "shops")) == 1


@pytest.mark.slow
def test_with_hidden_ids_no_key_of_the_users_own_is_logged(server, tmp_path):
    features(tmp_path / "own.parquet", 3_000)
    content = table_config(tmp_path / "own.parquet").model_dump(exclude_none=True, exclude_defaults=True)
    content["models"] = {"names": ["logistic"]}
    for hidden in (False, True):
        run = run_in(parse(content | {"show": {"hash_ids": hidden}}), tmp_path / "run")
        report.write(run)
        place = tracking.log(run, server)
        paths = files(server, place.run_id, tmp_path / f"got-{hidden}")
        weights = pq.read_table(paths["selection/weights.parquet"])
        assert weights["weight"].equals(run.read_table("selection/weights.parquet")["weight"])
        keys = weights["key"].to_pylist()
        assert len(set(keys)) == len(keys)
        assert all(re.fullmatch(r"r-\d+" if not hidden else r"[0-9a-f]{12}", key) for key in keys)
        texts = [paths["report.html"].read_text(encoding="utf-8")]
        texts += [json.dumps(pq.read_table(path).to_pylist()) for name, path in paths.items() if name.endswith(".parquet")]
        assert any(re.search(r"\b(r-\d+|客户)", text) for text in texts) != hidden


def test_what_cannot_be_logged_is_said(run, server, tmp_path, monkeypatch, capsys):
    assert cli.main(["log", str(run.folder)]) == 2
    assert "no MLflow server: name it with --mlflow URI, or export MLFLOW_TRACKING_URI" in capsys.readouterr().err
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert cli.main(["log", str(run.folder), "--mlflow", "http://ada:hush@127.0.0.1:9"]) == 2
    err = capsys.readouterr().err
    assert "http://127.0.0.1:9: MLflow did not take the run" in err
    assert "hush" not in err
    early = run_in(run.config, tmp_path / "early", until="clean")
    with pytest.raises(InputError, match=r"summary\.json: not there; run the earlier stages first"):
        tracking.log(early, server)
    config = parse(run.config.model_dump(mode="json", exclude_none=True) | {"show": {"log_to": "mlflow"}})
    with pytest.raises(ConfigError, match="MLFLOW_TRACKING_URI is not set"):
        tracking.check(config)


def test_limits_are_those_of_mlflow():
    limits = (validation.MAX_ENTITY_KEY_LENGTH, validation.MAX_PARAM_VAL_LENGTH, validation.MAX_PARAMS_TAGS_PER_BATCH)
    assert limits == (tracking.KEY, tracking.VALUE, tracking.BATCH)


@given(st.lists(st.text(min_size=1, max_size=200), min_size=1, max_size=3))
def test_every_name_is_one_that_mlflow_takes(parts):
    name = tracking.named(*parts)
    validation._validate_metric_name(name)
    validation._validate_param_name(name)
    assert len(name) <= validation.MAX_ENTITY_KEY_LENGTH


def test_a_long_or_hostile_config_is_taken(run, server):
    columns = dict.fromkeys(("user_id", "item_id", "timestamp"), "c") | {"price": "<b>\x1b[2J" + "x" * 7_000}
    events = [{"path": "a.csv", "columns": columns, "event": "purchase"} for _ in range(40)]
    params = tracking.parameters(parse({"log": {"events": events}, "evaluate": {"measures": {"métrique/../x": "a:b"}}}))
    assert len(params) > 2 * tracking.BATCH
    assert params["log.events.39.columns.price"] == columns["price"][: tracking.VALUE]
    client = mlflow.MlflowClient(tracking_uri=server)
    entry = client.create_run(client.create_experiment("hostile"))
    tracking._write(mlflow.entities, client, entry, {}, params, {})
    assert client.get_run(entry.info.run_id).data.params == params
