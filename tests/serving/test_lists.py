"""Lists on request, against the run's own files and against counting by hand."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from assay.errors import InputError, NotThereError
from assay.recommend import SCORES, Candidates, Lists
from assay.serving import lists
from assay.serving.items import Items
from assay.serving.living import Served
from tests.app.conftest import run as run  # a hand-made folder with whole numbers as ids


@pytest.fixture(scope="module")
def served(served_folder: Path) -> Served:
    return Served(served_folder)


@pytest.fixture(scope="module")
def candidates(served_folder: Path) -> dict[str, list[dict]]:
    """Rows of the coming period by user, with what the served model says of each."""
    table = pq.read_table(served_folder / "samples/upcoming.parquet")
    table = table.append_column("score", pq.read_table(served_folder / SCORES).column("score"))
    rows = defaultdict(list)
    for row in table.select(["user_id", "item_id", "score", "pair_times_bought", "category"]).to_pylist():
        rows[row["user_id"]].append(row)
    return rows


def lines(answer):
    return [(line.rank, line.item_id, line.score) for line in answer.recommendations]


def best(rows, n, keep=lambda row: True):
    kept = sorted((row for row in rows if keep(row)), key=lambda row: (-row["score"], [-ord(c) for c in row["item_id"]]))
    return [(rank + 1, row["item_id"], row["score"]) for rank, row in enumerate(kept[:n])]


def test_lists_are_those_of_the_run(served, served_folder):
    stored = defaultdict(list)
    for row in pq.read_table(served_folder / "recommendations.parquet").to_pylist():
        stored[row["user_id"]].append((row["rank"], row["item_id"], row["score"], row["reason"], row["name"], row["category"]))
    assert {"a/b?c", ".."} <= stored.keys()
    for user, expected in stored.items():
        answer = lists.recommend(served, user, 10)
        assert answer.known
        found = [(x.rank, x.item_id, x.score, x.reason, x.name, x.category) for x in answer.recommendations]
        assert found == sorted(expected)


def test_scores_of_all_candidates_make_the_lists_that_the_run_keeps(served):
    every = np.ones(30, bool)
    for user in ("a/b?c", "u7", "nobody", None):
        kept = served.at_hand(Lists).of(user)
        made = served.at_hand(Candidates).of(user, 10, exclude_bought=False, items=every)
        assert made == kept


def test_longer_and_narrower_lists_are_the_best_candidates(served, candidates):
    for user in ("a/b?c", "u7", "u19"):
        rows = candidates[user]
        assert lines(lists.recommend(served, user, 25)) == best(rows, 25)
        new = lists.recommend(served, user, 10, exclude_bought=True)
        assert lines(new) == best(rows, 10, lambda row: not row["pair_times_bought"])
        of_category = lists.recommend(served, user, 5, category="A & B")
        assert lines(of_category) == best(rows, 5, lambda row: row["category"] == "A & B")


def test_what_is_out_of_stock_is_left_out(served, candidates, run):
    out = {f"牛奶-{k} 🥛" for k in range(30) if k % 5 == 1}  # of others, those at k % 5 == 0 have no known stock
    for user in ("a/b?c", "u7"):
        assert any(row["item_id"] in out for row in candidates[user])
        kept = lists.recommend(served, user, 25, in_stock=True)
        assert lines(kept) == best(candidates[user], 25, lambda row: row["item_id"] not in out)
        assert lines(lists.recommend(served, user, 5, category="A & B", in_stock=True)) == best(
            candidates[user], 5, lambda row: row["category"] == "A & B" and row["item_id"] not in out
        )
    assert {line.item_id for line in lists.recommend(served, None, 30, in_stock=True).recommendations}.isdisjoint(out)
    about = served.at_hand(Items)
    assert [about.about(about.code(one)).in_stock for one in ("x/y z", "牛奶-1 🥛", "牛奶-2 🥛")] == [None, False, True]


def test_whom_the_run_does_not_know_gets_what_sells_and_is_told(served):
    nobody, stranger = lists.recommend(served, None, 5), lists.recommend(served, "stranger", 5)
    assert lines(nobody) == lines(stranger)
    assert not nobody.known
    assert not stranger.known
    assert nobody.why == lists.ANYBODY
    assert stranger.why == lists.NOT_KNOWN
    narrow = lists.recommend(served, None, 5, category="A & B")
    assert {line.category for line in narrow.recommendations} == {"A & B"}
    scores = [line.score for line in narrow.recommendations]
    assert scores == sorted(scores, reverse=True)


def test_an_unknown_category_is_named(served):
    with pytest.raises(NotThereError, match="'none such'"):
        lists.recommend(served, "u7", 5, category="none such")


def test_a_run_without_scores_keeps_to_its_lists(run):
    answer = lists.recommend(run, "3", 2)
    assert answer.known
    assert [line.rank for line in answer.recommendations] == [1, 2]
    with pytest.raises(InputError, match="no other scores"):
        lists.recommend(run, "3", 100)


def taken_together(served) -> tuple[dict[str, set], Counter]:
    """By item who took it, and how many they are."""
    users = defaultdict(set)
    for row in served.log.events("user_id", "item_id", "event").to_pylist():
        users[row["item_id"]].add(row["user_id"])
    return users, Counter({item: len(them) for item, them in users.items()})


def test_similar_items_are_those_of_the_same_users(served):
    users, size = taken_together(served)
    for item in ("x/y z", "牛奶-7 🥛"):
        answer = lists.similar(served, item, 5, on_sale=False)
        like = {
            other: len(users[item] & users[other]) / ((size[item] * size[other]) ** 0.5 + 10) for other in users if other != item
        }
        assert answer.item.item_id == item
        assert [line.score for line in answer.items] == pytest.approx(sorted(like.values(), reverse=True)[:5], rel=1e-5)
        for line in answer.items:
            assert line.score == pytest.approx(like[line.item_id], rel=1e-5)


def test_what_is_listed_is_on_sale_unless_all_is_asked_for(served):
    items = served.at_hand(Items)
    for answer in (lists.similar(served, "x/y z", 30).items, lists.following(served, ["x/y z"], 30).items):
        assert answer
        assert all(items.about(items.code(line.item_id)).on_sale for line in answer)


def test_a_session_goes_on_with_what_others_had_with_it_and_names_what_it_does_not_know(served):
    answer = lists.following(served, ["牛奶-1 🥛", "none", "牛奶-7 🥛"], 5)
    assert answer.given == ["牛奶-1 🥛", "牛奶-7 🥛"]
    assert answer.unknown == ["none"]
    listed = [line.item_id for line in answer.items]
    assert not set(listed) & set(answer.given)
    assert [line.score for line in answer.items] == sorted((line.score for line in answer.items), reverse=True)
    group = {f"牛奶-{k} 🥛" for k in range(1, 30, 6)}  # what users buy who buy these two
    assert listed[0] in group
    with pytest.raises(InputError, match="none of these items"):
        lists.following(served, ["none"], 5)


def test_an_unknown_item_is_named(served):
    with pytest.raises(NotThereError, match="'none such'"):
        lists.similar(served, "none such", 5)


def test_prices_are_the_last_that_were_paid(served):
    last = {}
    for row in served.log.events("item_id", "price", "timestamp").to_pylist():
        last[row["item_id"]] = row["price"]
    items = served.at_hand(Items)
    for item, price in last.items():
        assert items.about(items.code(item)).price == price / 100
