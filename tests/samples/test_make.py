"""The stage on a finished small run: splits, keys, what is left out."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from assay.errors import InputError, SplitError
from assay.finished import Finished
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
