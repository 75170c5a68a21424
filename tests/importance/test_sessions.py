"""Session values against the utility of every subset of sessions, with similarities computed in plain Python."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.importance import session_shapley
from assay.importance.sessions import SessionShapley
from assay.testing.data import make_samples
from tests.importance.games import semivalue, top_k


def log(seed, sessions, items, first=0, longest=4):
    rng = np.random.default_rng(seed)
    rows = []
    for s in range(sessions):
        time = int(rng.integers(1000))
        for _ in range(int(rng.integers(1, longest + 1))):
            rows.append((f"s{first + s}", f"i{rng.integers(items)}", float(time)))
            time += int(rng.integers(0, 5))
    order = rng.permutation(len({r[0] for r in rows}))  # sessions in any order, events in order of time
    rows.sort(key=lambda r: order[int(r[0][1:]) - first])
    return pa.table({name: [r[k] for r in rows] for k, name in enumerate(("session_id", "item_id", "timestamp"))})


def grouped(table):
    out = {}
    for row in table.to_pylist():
        out.setdefault(row["session_id"], []).append((row["item_id"], row["timestamp"]))
    return out


def brute(train, validation, k, m=None, negatives=0, kind="shapley"):
    past = grouped(train)
    ids = sorted(past)
    last = {s: max(t for _, t in past[s]) for s in ids}
    holds = {s: {i for i, _ in past[s]} for s in ids}
    every = sorted(set().union(*holds.values()))
    out, prefixes = np.zeros(len(ids)), 0
    for events in grouped(validation).values():
        names = [i for i, _ in events]
        for length in range(1, len(names)):
            q, target = names[:length], names[length]
            prefixes += 1
            latest = {item: p + 1 for p, item in enumerate(q)}
            similarity = {s: sum(p for i, p in latest.items() if i in holds[s]) / length for s in ids}
            near = [s for s in ids if similarity[s] > 0]
            near = sorted(near, key=lambda s: (-last[s], s))[:m]
            near.sort(key=lambda s: (-similarity[s], -last[s], s))
            others = [i for i in every if i != target]
            contribution = np.zeros(len(ids))
            for s in near:
                a = float(target in holds[s])
                if negatives == "all" and others:
                    a -= sum(i in holds[s] for i in others) / len(others)
                contribution[ids.index(s)] = similarity[s] * a / k
            order = [ids.index(s) for s in near]
            order += [j for j in range(len(ids)) if j not in order]
            # Those that share nothing contribute 0 and stand behind: they displace nobody.
            out += semivalue(top_k(np.array(order), contribution, k), len(ids), kind)
    return ids, out / prefixes


@pytest.mark.slow
@pytest.mark.parametrize("negatives", [0, "all"])
@pytest.mark.parametrize("kind", ["shapley", "banzhaf"])
def test_hundreds_of_games(kind, negatives):
    for seed in range(300):
        rng = np.random.default_rng(seed)
        train = log(seed, int(rng.integers(1, 9)), 6)
        validation = log(seed + 5000, 2, 7, first=100, longest=5)
        if not any(len(e) > 1 for e in grouped(validation).values()):
            continue
        k, m = int(rng.integers(1, 5)), None if seed % 3 else int(rng.integers(1, 5))
        ids, expected = brute(train, validation, k, m, negatives, kind)
        found = session_shapley(train, validation, k=k, m=m, negatives=negatives, semivalue=kind)
        assert found.sessions.column("session_id").to_pylist() == ids
        np.testing.assert_allclose(found.sessions.column("value"), expected, atol=1e-10, err_msg=f"seed {seed}")


def test_drawn_negatives_estimate_all_of_them():
    train, validation = log(1, 60, 12), log(2, 20, 12, first=100)
    known = set(train.column("item_id").to_pylist())
    assert set(validation.column("item_id").to_pylist()) <= known
    every = np.array(session_shapley(train, validation, k=5, negatives="all").sessions.column("value"))
    drawn = np.array(session_shapley(train, validation, k=5, negatives=20_000).sessions.column("value"))
    few = np.array(session_shapley(train, validation, k=5, negatives=3).sessions.column("value"))
    np.testing.assert_allclose(drawn, every, atol=0.05 * np.abs(every).max())
    assert np.abs(few - every).max() > np.abs(drawn - every).max()
    again = np.array(session_shapley(train, validation, k=5, negatives=3).sessions.column("value"))
    np.testing.assert_array_equal(again, few)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_roll_ups_add_up_and_order_of_sessions_plays_no_part(seed, k):
    train, validation = log(seed, 30, 8), log(seed + 1, 10, 8, first=100)
    if not any(len(e) > 1 for e in grouped(validation).values()):
        return
    users = [f"u{int(s[1:]) % 4}" for s in train.column("session_id").to_pylist()]
    train = train.append_column("user_id", pa.array(users))
    found = session_shapley(train, validation, k=k, folds=None)
    total = np.sum(found.sessions.column("value").to_numpy())
    for part in (found.items, found.users, found.days):
        assert np.sum(part.column("value").to_numpy()) == pytest.approx(total, abs=1e-12)
    by_user = dict(zip(found.users.column("user_id").to_pylist(), found.users.column("value").to_pylist(), strict=True))
    own = [
        v
        for s, v in zip(*(found.sessions.column(c).to_pylist() for c in ("session_id", "value")), strict=True)
        if int(s[1:]) % 4 == 1
    ]
    assert by_user["u1"] == pytest.approx(sum(own), abs=1e-12)
    order = np.lexsort((np.arange(train.num_rows), [hash(s) for s in train.column("session_id").to_pylist()]))
    shuffled = session_shapley(train.take(order), validation, k=k)
    assert shuffled.sessions.column("session_id") == found.sessions.column("session_id")
    np.testing.assert_allclose(shuffled.sessions.column("value"), found.sessions.column("value"), rtol=1e-9, atol=1e-15)


def test_sessions_without_a_shared_item_are_worth_exactly_nothing():
    train = pa.table({"session_id": ["a", "b", "b"], "item_id": ["x", "y", "z"], "timestamp": [1, 2, 3]})
    validation = pa.table({"session_id": ["v", "v"], "item_id": ["y", "z"], "timestamp": [4, 5]})
    found = session_shapley(train, validation, k=3)
    assert found.sessions.column("value").to_pylist() == [0.0, pytest.approx(1 / 3)]
    assert found.users is None


def test_folds_give_errors_of_sessions_items_and_days():
    train, validation = log(3, 80, 10), log(4, 60, 10, first=100)
    found = session_shapley(train, validation, k=5, folds=4)
    for part in (found.sessions, found.items, found.days):
        stderr = part.column("stderr").to_numpy()
        assert np.isfinite(stderr).all()
        assert (stderr > 0).any()


def test_users_times_and_ids_of_other_kinds():
    seconds = np.array([1, 2, 3], "int64")
    ids = [7, 7, 9]
    plain = session_shapley(
        {"session_id": ids, "item_id": ["商品", "👟", "👟"], "timestamp": seconds},
        {"session_id": [1, 1], "item_id": ["商品", "👟"], "timestamp": [4, 5]},
        k=2,
    )
    stamped = session_shapley(
        {"session_id": ids, "item_id": ["商品", "👟", "👟"], "timestamp": seconds.astype("datetime64[s]")},
        {"session_id": [1, 1], "item_id": ["商品", "👟"], "timestamp": np.array([4, 5], "datetime64[s]")},
        k=2,
    )
    assert plain.sessions == stamped.sessions
    assert plain.sessions.column("session_id").to_pylist() == [7, 9]


TRAIN = {"session_id": ["a", "a"], "item_id": ["x", "y"], "timestamp": [1, 2]}
VALIDATION = {"session_id": ["b", "b"], "item_id": ["x", "y"], "timestamp": [3, 4]}


@pytest.mark.parametrize(
    ("train", "validation", "keywords", "message"),
    [
        ({**TRAIN, "timestamp": [2, 1]}, VALIDATION, {}, "train: the timestamps of session a are not sorted"),
        ({**TRAIN, "timestamp": [-1, 1]}, VALIDATION, {}, "train: timestamp holds -1"),
        ({**TRAIN, "timestamp": [np.nan, 1]}, VALIDATION, {}, "train: timestamp holds"),
        ({**TRAIN, "item_id": [None, "x"]}, VALIDATION, {}, "train: 1 rows have no item_id"),
        ({"session_id": ["a"], "item_id": ["x"]}, VALIDATION, {}, "train has no column 'timestamp'"),
        ({name: [] for name in TRAIN}, VALIDATION, {}, "train has no rows"),
        (TRAIN, {name: [] for name in TRAIN}, {}, "validation has no rows"),
        (TRAIN, {name: values[:1] for name, values in VALIDATION.items()}, {}, "no session of two events"),
        (TRAIN, TRAIN, {}, "session a is in train too"),
        (TRAIN, VALIDATION, {"k": 0}, "k is 0"),
        (TRAIN, VALIDATION, {"m": 0}, "m is 0"),
        (TRAIN, VALIDATION, {"negatives": -2}, "negatives is -2"),
        (TRAIN, VALIDATION, {"semivalue": "core"}, "semivalue is 'core'"),
        (TRAIN, VALIDATION, {"folds": 5}, "do not fill so many"),
        ({**TRAIN, "timestamp": ["x", "y"]}, VALIDATION, {}, "timestamp is string"),
    ],
)
def test_bad_input_is_named(train, validation, keywords, message):
    with pytest.raises(ValueError, match=message):
        session_shapley(train, validation, **{"k": 1, **keywords})


def test_steps_of_a_user_in_a_period_are_one_session_in_their_order():
    """As if each session were one request and its items stood in order of their ids; negatives are worth 0."""
    samples = make_samples(1_500, users=80, items=25, seed=4)
    order = np.lexsort((samples.keys["item_id"].to_pylist(), samples.period, samples.user))
    samples = samples.take(order)
    _, session = np.unique(np.stack((samples.user, samples.period)), axis=1, return_inverse=True)
    item = samples.keys["item_id"].to_pylist()
    once = np.unique([f"{s} {i}" for s, i in zip(session.tolist(), item, strict=True)], return_index=True)[1]
    samples, session = samples.take(np.sort(once)), session[np.sort(once)]
    first = np.searchsorted(session, session)
    step = (np.arange(len(session)) - first).astype(np.int32)
    keys = samples.keys
    whole = keys.set_column(
        keys.column_names.index("request_id"), "request_id", pa.array(samples.user.astype(np.int64) << 32 | samples.period)
    )
    steps = keys.set_column(keys.column_names.index("request_id"), "request_id", pa.array(np.arange(len(keys))))
    steps = steps.append_column("step", pa.array(step))
    values = []
    for each in (whole, steps):
        made = replace(samples, keys=each)
        train, validation = made.split("train"), made.split("validation")
        valuer = SessionShapley()
        importance = valuer.value(train, validation, model=None, utility="log_loss", folds=2, rng=np.random.default_rng(0))
        values.append(importance.value)
    np.testing.assert_allclose(values[1], values[0], rtol=1e-12, atol=1e-15)
    assert np.count_nonzero(values[0]) > 50
