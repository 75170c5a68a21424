from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from assay.benchmark.protocols.comparison import bought_before, compare_protocols, most_popular, protocol_warnings, ranker
from assay.benchmark.protocols.cuts import leave_last_out, rolling_origin, time_split, user_holdout
from assay.errors import InputError
from assay.models.item_to_item import Ease, ItemKnn
from assay.models.session_knn import SessionKnn


def fashion(users=400, weeks=12, seed=0):
    """A log whose taste drifts: each week has two items of its own; six in ten events are of those of the last four weeks."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), 8)
    week = (rng.integers(0, weeks - 2, users)[user] + rng.integers(0, 3, len(user))).astype(np.int64)  # a user stays three weeks
    new = 1000 + 2 * (week - rng.integers(0, 4, len(user))) + rng.integers(0, 2, len(user))
    item = np.where(rng.random(len(user)) < 0.6, new, rng.integers(0, 200, len(user)))
    seconds = week * 7 * 86_400 + rng.integers(0, 7 * 86_400, len(user))
    return pa.table({"user_id": user, "item_id": item, "timestamp": pa.array(seconds).cast(pa.timestamp("s"))})


def popular_now(train, requests, k):
    """most_popular of the last week of train."""
    since = pc.subtract(pc.max(train.column("timestamp")), pa.scalar(timedelta(7)))
    return most_popular(train.filter(pc.greater(train.column("timestamp"), since)), requests, k)


def of(table, protocol, system, fold=None):
    rows = [row for row in table.to_pylist() if row["protocol"] == protocol and row["system"] == system]
    return next(row for row in rows if fold in (None, row["fold"]))


def test_leave_last_out_flatters_popularity_where_taste_drifts():
    """It knows what is yet to come; under the time split it must do without, and the order of the systems turns round."""
    log = fashion()
    protocols = {"time_split": time_split(log), "leave_last_out": leave_last_out(log)}
    table = compare_protocols(log, {"ever": most_popular, "now": popular_now}, protocols=protocols)
    served, flattered = (of(table, protocol, "ever") for protocol in protocols)
    assert served["high"] < 0.05 < 0.1 < flattered["low"]
    assert of(table, "time_split", "now")["low"] > 0.25
    assert of(table, "leave_last_out", "now")["high"] < flattered["ndcg@10"]
    assert (served["tau_b"], flattered["tau_b"]) == (1.0, -1.0)


HAND = pa.table(
    {
        "user_id": ["ann", "ann", "李", "李", "🙂", "ann", "李", "ann", "🙂"],
        "item_id": ["c", "a", "a", "b", "a", "b", "c", "a", "牛"],
        "timestamp": pa.array([1, 0, 1, 2, 3, 10, 10, 11, 12]),
    }
)


def test_what_a_system_is_given_and_how_it_is_scored():
    fold = time_split(HAND, test=10)
    seen = []

    def system(train, requests, k):
        seen.append((train, requests, k))
        return [["牛", "b"], ["a"], []]

    table = compare_protocols(HAND, {"mine": system, "popular": most_popular}, protocols={"time_split": fold}, k=2)
    (train, requests, k) = seen[0]
    assert k == 2
    assert train.equals(HAND.slice(0, 5))
    assert requests.to_pylist() == [
        {"request_id": 0, "user_id": "ann", "timestamp": 10, "history": ["a", "c"]},
        {"request_id": 1, "user_id": "李", "timestamp": 10, "history": ["a", "b"]},
        {"request_id": 2, "user_id": "🙂", "timestamp": 10, "history": ["a"]},
    ]
    assert table.column_names == ["protocol", "fold", "system", "requests", "ndcg@2", "low", "high", "recall@2", "tau_b"]
    # Truth: ann b and a, 李 c, 🙂 牛. mine: b second for ann, nothing else. popular: a (3 events), then b, before c by id.
    second = 1 / np.log2(3)
    mine, popular = table.to_pylist()
    assert mine["requests"] == 3
    assert mine["ndcg@2"] == pytest.approx(second / (1 + second) / 3)
    assert mine["recall@2"] == pytest.approx(1 / 6)
    assert popular["ndcg@2"] == pytest.approx(1 / 3)
    assert popular["recall@2"] == pytest.approx(1 / 3)
    spread = 4.302653 * np.std([1, 0, 0], ddof=1) / np.sqrt(3)  # t of 2 degrees of freedom
    assert spread > 2 / 3  # the interval of three requests would leave [0, 1], where ndcg lies
    assert (popular["low"], popular["high"]) == (0.0, 1.0)


def test_folds_are_shown_apart_and_together():
    log = fashion(users=150)
    folds = rolling_origin(log, folds=3, horizon=timedelta(7))
    protocols = {"time_split": time_split(log, test=timedelta(7)), "rolling": folds}
    table = compare_protocols(log, {"ever": most_popular, "now": popular_now}, protocols=protocols)
    assert [row["fold"] for row in table.to_pylist()][::2] == ["time_split", *(fold.name for fold in folds), "all"]
    each = [of(table, "rolling", "now", fold.name) for fold in folds]
    every = of(table, "rolling", "now", "all")
    weight = [row["requests"] for row in each]
    assert every["requests"] == sum(weight) == sum(fold.requests.num_rows for fold in folds)
    assert every["ndcg@10"] == pytest.approx(np.average([row["ndcg@10"] for row in each], weights=weight))
    # The last fold is the time split itself.
    single = of(table, "time_split", "now")
    assert {**single, "protocol": 0, "fold": 0, "tau_b": 0} == {**each[-1], "protocol": 0, "fold": 0, "tau_b": 0}


def test_one_user_in_several_folds_is_one_user():
    """Were each request a user of its own, equal scores of a user's requests would make the interval too narrow."""
    users = 20
    log = pa.table(
        {
            "user_id": np.tile(np.arange(users), 4),
            "item_id": np.tile(np.where(np.arange(users) % 2, 7, np.arange(users) + 100), 4),
            "timestamp": np.repeat(np.arange(4), users),
        }
    )
    protocols = {"time_split": rolling_origin(log, horizon=1)}
    table = compare_protocols(log, {"seven": lambda train, requests, k: [[7, 8]] * len(requests)}, protocols=protocols)
    one, every = of(table, "time_split", "seven"), of(table, "time_split", "seven", "all")
    assert (one["requests"], every["requests"]) == (20, 60)
    assert (every["low"], every["high"]) == pytest.approx((one["low"], one["high"]))
    assert every["tau_b"] is None  # one system has no order


@pytest.mark.parametrize("model", [Ease(l2=5.0), ItemKnn(shrink=1.0), SessionKnn()])
def test_recommenders_rank_held_out_users_by_their_histories(model):
    """Two tastes that share no item: a user who is nowhere in training gets what goes with the history."""
    rng = np.random.default_rng(1)
    user = np.repeat(np.arange(80), 6)
    item = np.array(["犬", "猫"])[user % 2].astype(object) + np.array([f" {k}" for k in rng.integers(0, 8, len(user))], object)
    log = pa.table({"user_id": pa.array([f"u{u}" for u in user]), "item_id": pa.array(item), "timestamp": np.arange(len(user))})
    log = log.append_column("session_id", pa.array(user * 2 + (np.arange(len(user)) % 6 > 3)))
    fold = user_holdout(log)
    train = log.take(pa.array(fold.train))
    users = [int(name[1:]) for name in fold.requests.column("user_id").to_pylist()]
    history = pa.array([log.column("item_id").take(pa.array(fold.known[user[fold.known] == u])).to_pylist() for u in users])
    requests = fold.requests.append_column("history", history)
    lists = ranker(model)(train, requests, 4).to_pylist()
    assert [{item[0] for item in found} for found in lists] == [{"犬猫"[u % 2]} for u in users]
    new = ranker(model, exclude_known=True)(train, requests, 4).to_pylist()
    assert all(found and not set(found) & set(had) for found, had in zip(new, history.to_pylist(), strict=True))
    # Whatever the rows' order, and whoever else is asked for.
    mixed = train.take(pa.array(rng.permutation(len(train))))
    assert ranker(model)(mixed, requests.slice(3, 2), 4).to_pylist() == lists[3:5]
    # A user without a history, and one of unknown items only, get a list too; a short catalogue gives a short one.
    strange = requests.slice(0, 2).set_column(3, "history", pa.array([[], ["?"]], pa.list_(pa.string())))
    assert [len(found) for found in ranker(model)(train, strange, 99).to_pylist()] == [16, 16]


def test_a_recommender_in_a_comparison():
    log = fashion(users=150)
    protocols = {"time_split": time_split(log), "user_holdout": user_holdout(log), "leave_last_out": leave_last_out(log)}
    systems = {"ever": most_popular, "knn": ranker(ItemKnn())}
    table = compare_protocols(log, systems, protocols=protocols)
    for protocol in protocols:
        assert of(table, protocol, "knn")["ndcg@10"] > of(table, protocol, "ever")["ndcg@10"] > -1e-9
    shuffled = log.take(pa.array(np.random.default_rng(2).permutation(len(log))))
    again = {
        "time_split": time_split(shuffled),
        "user_holdout": user_holdout(shuffled),
        "leave_last_out": leave_last_out(shuffled),
    }
    for a, b in zip(table.to_pylist(), compare_protocols(shuffled, systems, protocols=again).to_pylist(), strict=True):
        assert a == pytest.approx(b)


def test_warnings_of_all_protocols():
    folds = rolling_origin(HAND, folds=2, horizon=2)
    protocols = {"time_split": time_split(HAND, test=10), "rolling": folds, "last": leave_last_out(HAND)}
    unseen = "{} of the {} items asked for are in no event learnt from: no list can hold them"
    assert protocol_warnings(protocols).to_pylist() == [
        {"protocol": "time_split", "fold": "time_split", "warning": unseen.format("25.0 %", 4)},
        {"protocol": "rolling", "fold": "rolling_origin 2 of 2", "warning": unseen.format("50.0 %", 2)},
        {"protocol": "last", "fold": "leave_last_out", "warning": unseen.format("33.3 %", 3)},
    ]


def compared(systems=None, protocols=None, k=10):
    return compare_protocols(
        HAND,
        {"mine": most_popular} if systems is None else systems,
        protocols={"time_split": time_split(HAND, test=10)} if protocols is None else protocols,
        k=k,
    )


def giving(lists):
    return {"mine": lambda train, requests, k: lists}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compared(protocols={}), "protocols: none is named 'time_split', which others are held against; there are none"),
        (lambda: compared(protocols={"time": time_split(HAND, test=10)}), "none is named 'time_split'"),
        (lambda: compared(protocols={"time_split": []}), "protocol 'time_split' has no folds"),
        (lambda: protocol_warnings({"mine": ()}), "protocol 'mine' has no folds"),
        (lambda: compared(protocols={"time_split": time_split(HAND, test=12)}), r"1 user\(s\): an interval over users"),
        (lambda: compared(systems={}), "no systems"),
        (lambda: compared(systems=giving([["a"]])), "system 'mine' gives 1 lists for the 3 requests of time_split; give one"),
        (lambda: compared(systems=giving([["a", "a"], [], []])), "system 'mine': item 'a' of request 0 is there twice"),
        (lambda: compared(systems=giving([[], [], []])), "system 'mine' has no rows"),
        (lambda: compared(k=0), "measure 'ndcg@0' has no cut-off"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_bought_before_ranks_by_count_then_by_the_last():
    train = pa.table({"item_id": ["é"]})
    requests = pa.table({"history": pa.array([["a", "b", "b", "c", "a", "d"], [], ["x"]], pa.list_(pa.string()))})
    assert bought_before(train, requests, 3).to_pylist() == [["a", "b", "d"], [], ["x"]]
