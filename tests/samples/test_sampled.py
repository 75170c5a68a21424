"""Labelled rows from candidates: all positives, a known share of the rest, weights that make up for it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.samples.candidates.listing import Candidates
from assay.samples.sampled import account, sample
from tests.samples.conftest import past

USERS, ITEMS = 40, 50
HISTORY = past([], USERS, ITEMS)


def part(period, users=range(USERS), items=range(ITEMS), taken=0.05, seed=0):
    """Every one of some items is a candidate of some users, and a share of them is taken."""
    user, item = (column.ravel().astype(np.int32) for column in np.meshgrid(np.array(users), np.array(items), indexing="ij"))
    rng = np.random.default_rng([seed, period])
    label = (rng.random(len(user)) < taken).astype(np.int8)
    source = np.where(item % 2, 1, 2).astype(np.int16)
    return Candidates(user, item, np.full(len(user), period, np.int32), source, label, {"a": item.astype(np.float32)})


def none(period=0):
    return part(period, users=[])


def made(parts, train_end=10, negatives=1.5, seed=7):
    return sample(iter(parts), (HISTORY.user_hash, HISTORY.item_hash), train_end, negatives, seed)


def keys(rows):
    return list(zip(rows.period.tolist(), rows.user.tolist(), rows.item.tolist(), strict=True))


@settings(max_examples=30)
@given(
    h.lists(h.tuples(h.integers(0, USERS), h.sampled_from([0.0, 0.02, 0.3, 1.0])), max_size=6),
    h.sampled_from([0.1, 1.5, 40.0]),
    h.integers(0, 6),
    h.integers(0, 99),
)
def test_all_positives_and_each_other_by_its_own_chance(sizes, negatives, train_end, seed):
    parts = [part(period, range(users), taken=taken) for period, (users, taken) in enumerate(sizes)]
    found = made(parts, train_end, negatives, seed)
    positives = sum(int(each.label.sum()) for each in parts[:train_end])
    others = sum(len(each) for each in parts[:train_end]) - positives
    if positives:
        assert found.rate == pytest.approx(min(1.0, negatives * positives / max(others, 1)))
    assert 0 < found.rate <= 1
    joined = Candidates.joined(parts, ["a"])
    kept = set(keys(found.rows))
    assert {key for key, label in zip(keys(joined), joined.label, strict=True) if label} <= kept
    assert kept <= set(keys(joined))
    assert keys(found.rows) == sorted(kept)  # in the order of the parts
    np.testing.assert_array_equal(found.weight, np.where(found.rows.label > 0, 1.0, 1.0 / found.rate))
    np.testing.assert_array_equal(found.rows.scores.get("a", np.empty(0)), found.rows.item)


def test_weights_make_up_for_what_was_not_drawn():
    """In the mean over seeds, of all others and of any part of them: the rate is the same for all of them."""
    parts = [part(period) for period in range(4)]
    joined = Candidates.joined(parts, [])
    others = joined.take(joined.label == 0)
    seeds = 400
    found = [made(parts, seed=seed) for seed in range(seeds)]
    assert {each.rate for each in found} == {found[0].rate}
    for of in (lambda rows: rows.item >= 0, lambda rows: rows.item < 5, lambda rows: (rows.user % 2 == 1) & (rows.period == 2)):
        wanted = int(of(others).sum())
        sums = [each.weight[(each.rows.label == 0) & of(each.rows)].sum() for each in found]
        error = np.sqrt(wanted * (1 / found[0].rate - 1) / seeds)
        assert abs(np.mean(sums) - wanted) < 4.5 * error
        assert np.std(sums) == pytest.approx(error * np.sqrt(seeds), rel=0.2)


def test_a_draw_depends_on_seed_user_period_and_item_alone():
    """Not on labels of others, on how requests are parted, nor on what else is a candidate: only the rate does."""
    parts = [part(period) for period in range(3)]
    whole = made(parts)
    split = [part(period, users) for period in range(3) for users in (range(17), range(17, USERS))]
    for each in split:
        each.label[:] = parts[int(each.period[0])].label[np.isin(parts[int(each.period[0])].user, each.user)]
    assert keys(made(split).rows) == keys(whole.rows)
    few = [each.take(each.item < 9) for each in parts]
    chosen, fewer = set(keys(whole.rows)), made(few, negatives=1.5)
    lower = min(fewer.rate, whole.rate)
    both = {key for key, label in zip(keys(fewer.rows), fewer.rows.label, strict=True) if not label}
    inside = {key for key in chosen if key[2] < 9}
    assert (both <= inside) if fewer.rate == lower else (inside <= set(keys(fewer.rows)))
    assert keys(made(parts, seed=8).rows) != keys(whole.rows)


def test_the_rate_is_that_of_training():
    """Later periods, where more is taken or less, change nothing of it."""
    train = [part(period) for period in range(3)]
    for later in (none(3), part(3, taken=0.0), part(3, taken=0.9)):
        found = made([*train, later], train_end=3)
        assert found.rate == made(train, train_end=3).rate
        assert keys(found.rows.take(found.rows.period < 3)) == keys(made(train, train_end=3).rows)


@pytest.mark.parametrize("first", [none(0), part(0, taken=0.0), part(0, users=range(1), taken=0.0)])
def test_a_beginning_without_positives_costs_no_negatives_later(first):
    parts = [first, *(part(period) for period in range(1, 5))]
    found = made(parts)
    positives = int(found.rows.label.sum())
    assert len(found.rows) - positives == pytest.approx(1.5 * positives, rel=0.2)


def test_memory_holds_about_the_negatives_that_are_needed(monkeypatch):
    monkeypatch.setattr("assay.samples.sampled._FEW", 20)
    held = []
    joined = Candidates.joined
    monkeypatch.setattr(Candidates, "joined", lambda parts, names: held.append(sum(map(len, parts))) or joined(parts, names))
    found = made([part(period, taken=0.01) for period in range(10)])
    assert held[0] < 3 * len(found.rows) < USERS * ITEMS * 10 / 3


def test_no_positives_leave_others_to_tell_of():
    found = made([part(0, taken=0.0), none(1)])
    assert (found.rate, len(found.rows)) == (1.0, USERS * ITEMS)
    assert not found.rows.label.any()


def test_everything_taken_leaves_no_negatives():
    found = made([part(0, taken=1.0)])
    assert found.rows.label.all()
    assert np.array_equal(found.weight, np.ones(USERS * ITEMS))
    assert account(found, USERS * ITEMS, ("x", "y"))["negatives"] == {"candidate": 0}


@pytest.mark.parametrize("parts", [[], [none()]])
def test_no_candidates_make_no_rows(parts):
    found = made(parts)
    assert (len(found.rows), len(found.weight), found.rate) == (0, 0, 1.0)
    said = account(found, 3, ("x",))
    assert (said["positives"], said["positives_not_candidates"], said["negatives"], said["by_source"]) == (
        0,
        3,
        {"candidate": 0},
        {},
    )


def test_the_account_counts_rows_by_source():
    """One row may be named by several."""
    rows = part(0, users=[0, 1], items=range(5), taken=0.5)
    rows.source[0] = 3
    found = made([rows], negatives=100)
    said = account(found, int(rows.label.sum()) + 4, ("x", "y", "z"))
    assert said["positives"] == rows.label.sum()
    assert said["positives_not_candidates"] == 4
    assert said["negatives"] == {"candidate": 10 - rows.label.sum()}
    assert said["negatives_rate"] == 1.0
    assert set(said["by_source"]) == {"x", "y"}
    for k, name in enumerate(("x", "y")):
        mine = (rows.source >> k) & 1 == 1
        expected = {"positives": rows.label[mine].sum(), "negatives": (mine & (rows.label == 0)).sum(), "rate": 1.0}
        assert said["by_source"][name] == expected
    assert sum(each["positives"] + each["negatives"] for each in said["by_source"].values()) == 11


@pytest.mark.parametrize("negatives", [0.2, 2.0])
def test_what_other_targets_took_stays_at_weight_1(negatives):
    """And the rest is drawn as before: weights still make up for what is left out."""
    parts = [part(period, taken=0.05) for period in range(4)]
    spared = sample(iter(parts), (HISTORY.user_hash, HISTORY.item_hash), 4, negatives, 7, lambda some: some.item % 10 == 3)
    plain = made(parts, 4, negatives)
    stays = spared.rows.item % 10 == 3
    assert (spared.weight[stays | (spared.rows.label > 0)] == 1.0).all()
    assert stays.sum() == sum(int((each.item % 10 == 3).sum()) for each in parts)
    assert spared.rate == plain.rate
    drawn = (plain.rows.label == 0) & (plain.rows.item % 10 != 3)
    assert [key for key, one in zip(keys(plain.rows), drawn, strict=True) if one] == [
        key for key, one in zip(keys(spared.rows), ~stays & (spared.rows.label == 0), strict=True) if one
    ]
