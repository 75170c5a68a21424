"""What a run would do, against what it then does."""

import gzip
import shutil
from pathlib import Path

import pytest

from assay import front
from assay.errors import SourceError
from assay.front.plan import SECONDS, plan
from assay.runs.costs import read_costs
from tests.conftest import run_in, shop_config, write_shop

SMALL = {"models": {"lightgbm_trees": 3, "names": ["popularity", "logistic"]}, "evaluate": {"resamples": 5}}


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.csv"
    write_shop(path, users=40, items=20, weeks=20)
    return path


def test_a_plan_before_after_and_when_something_changed(log, tmp_path):
    config, folder = shop_config(log, **SMALL), tmp_path / "run"
    rows = log.read_text(encoding="utf-8").count("\n") - 1
    before = plan(config, folder)
    assert not folder.exists()
    assert before.rows == pytest.approx(rows, abs=1)
    assert {one.stage: one.state for one in before.stages} == dict.fromkeys(SECONDS, "missing")
    assert before.seconds == pytest.approx(sum(fixed + each * before.rows / 1e6 for fixed, each in SECONDS.values()))
    ran = run_in(config, folder).ran
    assert list(ran) == [one.stage for one in before.stages]
    after = plan(config, folder)
    assert ({one.state for one in after.stages}, after.seconds) == ({"fresh"}, 0)
    other = shop_config(log, **SMALL, select={"floor": 0.3})
    stale = {one.stage: one.seconds for one in plan(other, folder).stages if one.state == "stale"}
    spent = read_costs(folder)["seconds"]
    assert stale == {stage: pytest.approx(spent[stage], rel=0.01) for stage in stale}
    again = front.execute(other, folder).ran
    assert set(again) <= stale.keys()  # of which those need not run whose inputs turn out to be as they were
    assert "select" in again


def test_what_ran_before_takes_as_long_in_proportion_to_the_rows(log, tmp_path):
    grown = tmp_path / "log.csv"
    shutil.copy(log, grown)
    config, folder = shop_config(grown, **SMALL), tmp_path / "run"
    front.execute(config, folder, until="clean")
    spent = read_costs(folder)["seconds"]
    head, *lines = grown.read_text(encoding="utf-8").splitlines()
    grown.write_text("\n".join([head, *lines, *lines, *lines]) + "\n", encoding="utf-8")
    seconds = {one.stage: one.seconds for one in plan(config, folder).stages}
    assert seconds["clean"] == pytest.approx(3 * spent["clean"], rel=0.01)


def test_rows_are_guessed_from_the_beginning_of_a_file(tmp_path):
    line = "u1,i1,2024-01-01,view\n"
    rows = (3 << 20) // len(line)
    plain, packed = tmp_path / "log.csv", tmp_path / "log.csv.gz"
    text = "user_id,item_id,timestamp,event\n" + line * rows
    plain.write_text(text, encoding="utf-8")
    assert plan(shop_config(plain), tmp_path / "run").rows == pytest.approx(rows, rel=1e-3)
    packed.write_bytes(gzip.compress(text.encode()))
    assert plan(shop_config(packed), tmp_path / "run").rows > 0


def test_a_log_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        plan(shop_config(tmp_path / "log.csv"), tmp_path / "run")
