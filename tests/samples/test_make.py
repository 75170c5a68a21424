"""The stage on a finished small run: splits, keys, what is left out."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from assay.app import words
from assay.config import parse
from assay.errors import InputError, SplitError
from assay.finished import Finished
from assay.numerics.periods import periods_of
from assay.pages.samples import SamplesMade
from assay.runs.store import Folder, write_parquet
from assay.samples import stored
from tests.conftest import run_in, shop_config, write_shop


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return run_in(shop_config(shop), tmp_path_factory.mktemp("samples"), until="samples")


def test_samples_are_loaded_by_split_with_their_encoder(run: Finished) -> None:
    whole = stored.load(run)
    parts = [stored.load(run, name) for name in ("train", "validation", "tuning", "test")]
    assert sum(map(len, parts)) == len(whole)
    ends = [(int(part.period.min()), int(part.period.max())) for part in parts]
    assert all(a[1] < b[0] for a, b in itertools.pairwise(ends))
    assert parts[0].encoder.names == parts[3].encoder.names
    assert len(np.unique(whole.keys["sample_id"].to_numpy())) == len(whole)
    assert set(stored.load(run, "test", names=["user"]).features.column_names) == {"user"}


def test_features_that_do_not_vary_are_named_and_left_out(run: Finished) -> None:
    account = run.read_json("samples/account.json")
    assert {"department", "user_views_4"} <= set(account["constant_features_left_out"])
    assert not set(account["features"]) & set(account["constant_features_left_out"])


def test_one_request_is_read_whole_wherever_its_rows_lie(run: Finished, tmp_path: Path) -> None:
    whole = run.read_table("samples/candidates.parquet")
    every = stored.load(run, which="candidates").table()
    requests = whole["request_id"].unique()[::40]
    shutil.copytree(run.folder, tmp_path / "run")
    few = whole.filter(pc.is_in(whole["request_id"], requests))
    write_parquet(tmp_path / "run/samples/candidates.parquet", few, group=7)
    small = Folder(tmp_path / "run")
    for request in requests.to_pylist():
        rows = every.filter(pc.equal(whole["request_id"], request))
        assert len(rows) > 7
        for folder in (run, small):
            assert stored.load(folder, which="candidates", request=request).table().equals(rows)
    assert len(stored.load(small, "tuning", "candidates", request=0)) == 0


def test_requests_count_their_truth_and_candidates_say_what_they_had(run: Finished) -> None:
    requests = run.read_table("samples/requests.parquet")
    found = stored.load(run, which="candidates")
    hits = np.zeros(requests.num_rows)
    place = {request: k for k, request in enumerate(requests["request_id"].to_pylist())}
    for request, label in zip(found.request.tolist(), found.label.tolist(), strict=True):
        hits[place[request]] += label
    assert np.all(hits <= requests["truth_count"].to_numpy())
    account = run.read_json("samples/account.json")["candidates"]["test"]
    mine = pc.equal(requests["split"], "test").to_numpy(zero_copy_only=False)
    assert account["recall"]["all"] == pytest.approx(hits[mine].sum() / requests["truth_count"].to_numpy()[mine].sum(), abs=1e-5)
    assert account["requests"] == mine.sum()


def test_recall_is_told_apart_for_what_comes_again_and_what_is_new(run: Finished) -> None:
    events = run.log.events("user_code", "item_code", "event", "timestamp")
    taken = events.filter(pc.equal(events["event"], "purchase"))
    first: dict[tuple[int, int], int] = {}
    periods = periods_of(taken["timestamp"], 7).tolist()
    bought = set(zip(taken["user_code"].to_pylist(), taken["item_code"].to_pylist(), periods, strict=True))
    for user, item, period in bought:
        first[user, item] = min(period, first.get((user, item), period))
    test = stored.load(run, "test", "candidates")
    listed = set(zip(test.user.tolist(), test.item.tolist(), test.period.tolist(), strict=True))
    truths, hits = {"repeat": 0, "new": 0}, {"repeat": 0, "new": 0}
    for user, item, period in bought:
        if period in set(test.period.tolist()):
            part = "new" if first[user, item] == period else "repeat"
            truths[part] += 1
            hits[part] += (user, item, period) in listed
    said = SamplesMade.read(run).candidates["test"].recall_of_parts
    assert said == {part: pytest.approx(hits[part] / truths[part], abs=1e-6) for part in truths}
    assert min(truths.values()) > 5


def test_upcoming_has_every_buyer_and_no_truth(run: Finished) -> None:
    coming = stored.load(run, which="upcoming")
    assert len(np.unique(coming.user)) == 80
    assert not coming.label.any()
    assert len(np.unique(coming.period)) == 1


def test_a_log_without_the_target_or_too_short_says_what_to_change(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no 'cart' event in the log, which has purchase"):
        run_in(shop_config(shop, samples={"target": "cart"}), tmp_path / "a", until="samples")
    write_shop(tmp_path / "short.csv", users=5, weeks=4)
    with pytest.raises(SplitError, match="but 17 are needed"):
        run_in(shop_config(tmp_path / "short.csv"), tmp_path / "b", until="samples")


def test_a_log_with_exposures_of_some_weeks_says_so(shop: Path, tmp_path: Path) -> None:
    """Samples of these weeks are exposures, of the others candidates; the account and the report name the weeks."""
    header, *lines = shop.read_text(encoding="utf-8").splitlines()
    weeks = ("2024-03-04", "2024-03-25")  # Mondays: from the one up to, not including, the other
    shown = [line for line in lines if weeks[0] <= line.split(",")[2][:10] < weeks[1]]
    shown = [",".join([f"u{k % 80}", *line.split(",")[1:]]) for k, line in enumerate(shown)]
    rows = [f"{line},purchase" for line in lines] + [f"{line},exposure" for line in shown]
    (tmp_path / "log.csv").write_text("\n".join([f"{header},kind", *rows]) + "\n", encoding="utf-8")
    content = shop_config(tmp_path / "log.csv").model_dump(exclude_none=True)
    content["log"]["events"][0]["columns"]["event"] = "kind"
    del content["log"]["events"][0]["event"]
    run = run_in(parse(content), tmp_path / "run", until="samples")
    account = SamplesMade.read(run)
    assert [(stretch.from_, stretch.to, stretch.periods) for stretch in account.exposures] == [("2024-03-04", "2024-03-24", 3)]
    assert "in 3 of 26 periods (2024-03-04 to 2024-03-24)" in words.exposures(account)
    keys = stored.load(run).keys
    period, kind = keys["timestamp"].cast("date32").to_pylist(), keys["kind"].to_pylist()
    for first_day, name in zip(period, kind, strict=True):
        assert name in ("positive", "exposure" if weeks[0] <= first_day.isoformat() < weeks[1] else "candidate")
    assert account.positives + sum(account.negatives.values()) == keys.num_rows
