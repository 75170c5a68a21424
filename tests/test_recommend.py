import numpy as np
import pyarrow as pa
import pytest

from assay.config import Recommend
from assay.findings.labels import Wording
from assay.recommend import COLUMNS, Lists, recommend
from assay.runs.store import write_parquet
from assay.samples.table import Samples
from assay.testing.data import make_samples
from tests.app.conftest import listed

ITEMS = 60


@pytest.fixture(scope="module")
def upcoming():
    """Candidates in order of user, each (user, item) once."""
    made = make_samples(3_000, users=20)
    pair = made.user.astype(np.int64) * ITEMS + made.item
    return made.take(np.unique(pair, return_index=True)[1])


@pytest.fixture(scope="module")
def items():
    names = [f"חלב {k} 🥛" if k % 2 else None for k in range(ITEMS)]
    return pa.table({"name": names, "category": [f"c{k % 3}" for k in range(ITEMS)]})


def lists(table):
    found = {}
    for row in table.to_pylist():
        found.setdefault(row["user_id"], []).append((row["rank"], row["item_id"], row["score"]))
    return found


@pytest.mark.parametrize("exclude", [False, True])
def test_each_user_gets_the_highest_scores_ties_by_item_id(upcoming, items, exclude):
    score = np.round(np.random.default_rng(0).random(len(upcoming)), 1)  # many ties
    known, _ = recommend(score, upcoming, items, Recommend(per_user=4, exclude_bought=exclude), Wording())
    assert tuple(known.column_names) == COLUMNS
    ids, users = upcoming.keys["item_id"].to_pylist(), upcoming.keys["user_id"].to_pylist()
    bought = upcoming.features["pair_times_bought"].to_pylist()
    expected = {}
    for k in range(len(upcoming)):
        if not (exclude and bought[k]):
            expected.setdefault(users[k], []).append((-score[k], ids[k]))
    for user, found in lists(known).items():
        best = sorted(expected[user], key=lambda pair: (pair[0], [-ord(c) for c in pair[1]]))[:4]
        assert [rank for rank, _, _ in found] == list(range(1, len(best) + 1))
        assert [(-s, i) for _, i, s in found] == best
    assert set(lists(known)) == set(expected)


def test_names_and_categories_are_those_of_the_items(upcoming, items):
    known, _ = recommend(np.ones(len(upcoming)), upcoming, items, Recommend(per_user=2), Wording())
    code = dict(zip(upcoming.keys["item_id"].to_pylist(), upcoming.item.tolist(), strict=True))
    for row in known.to_pylist():
        assert row["name"] == items["name"][code[row["item_id"]]].as_py()
        assert row["category"] == items["category"][code[row["item_id"]]].as_py()
        assert row["reason"]


def test_strangers_get_what_sold_most_lately(upcoming, items):
    _, unknown = recommend(np.ones(len(upcoming)), upcoming, items, Recommend(per_user=5), Wording())
    assert unknown["user_id"].null_count == 5
    assert unknown["user_id"].type == upcoming.keys["user_id"].type
    first = {}
    sold = upcoming.features["item_buyers_4"].to_pylist()
    for k, item in enumerate(upcoming.keys["item_id"].to_pylist()):
        first.setdefault(item, sold[k] or 0.0)
    scores = unknown["score"].to_pylist()
    assert scores == sorted(scores, reverse=True)
    for row in unknown.to_pylist():
        assert row["score"] == first[row["item_id"]]
    assert unknown["rank"].to_pylist() == [1, 2, 3, 4, 5]


def test_fewer_candidates_make_shorter_lists(upcoming, items):
    few = Samples(upcoming.keys.slice(0, 3), upcoming.features.slice(0, 3), upcoming.encoder)
    known, unknown = recommend(np.arange(3.0), few, items, Recommend(per_user=10), Wording())
    assert known.num_rows == 3
    assert unknown.num_rows <= 3


@pytest.mark.parametrize("seed", range(3))
def test_an_opened_run_gives_each_user_the_stored_list_in_whatever_order_it_is_stored(upcoming, items, tmp_path, seed):
    rng = np.random.default_rng(seed)
    known, unknown = recommend(rng.random(len(upcoming)), upcoming, items, Recommend(per_user=4), Wording())
    known = known.take(pa.array(rng.permutation(known.num_rows)))
    (tmp_path / "config.json").write_text('{"table": {"path": "x", "label": "y"}}')
    write_parquet(tmp_path / "recommendations.parquet", known)
    write_parquet(tmp_path / "recommendations_unknown.parquet", unknown)
    stored = listed(tmp_path).at_hand(Lists)
    (tmp_path / "recommendations.parquet").unlink()  # it is read once
    for user, lines in lists(known).items():
        has_list, answer = stored.of(user)
        assert has_list
        assert [(item.rank, item.item_id, item.score) for item in answer] == sorted(lines)
        assert set(answer[0].model_dump()) == set(COLUMNS[1:])
    for stranger in (None, "nobody"):
        has_list, answer = stored.of(stranger)
        assert not has_list
        assert [item.item_id for item in answer] == unknown["item_id"].to_pylist()
