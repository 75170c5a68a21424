from datetime import date, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as h

from assay.benchmark.protocols.cuts import leave_last_out, rolling_origin, time_split, user_holdout
from assay.errors import InputError

# Rows are not in order of time. Ann and 李 stop early, 🙂 comes late and takes g, which is new.
EVENTS = pa.table(
    {
        "user_id": ["ann", "李", "ann", "بسام", "李", "ann", "🙂", "بسام", "🙂", "بسام"],
        "item_id": ["a", "a", "b", "c", "b", "c", "g", "g", "g", "a"],
        "timestamp": pa.array([0, 1, 2, 2, 3, 4, 8, 8, 9, 9], pa.date32()),
    }
)


def asked(fold):
    """user -> items asked for, and when."""
    users = fold.requests.column("user_id").to_pylist()
    assert users == sorted(users, key=str.encode)
    wanted = {user: [] for user in users}
    for row in fold.truth.to_pylist():
        wanted[users[row["request_id"]]].append(row["item_id"])
    return wanted, dict(zip(users, fold.requests.column("timestamp").to_pylist(), strict=True))


def day(number):
    return date(1970, 1, 1) + timedelta(number)


def test_time_split_by_share_length_and_instant():
    for test in (0.2, timedelta(2), date(1970, 1, 9), datetime(1970, 1, 9), time_split(EVENTS).cut):
        fold = time_split(EVENTS, test=test)
        assert fold.name == "time_split"
        assert fold.cut.as_py() == day(8)
        assert fold.train.tolist() == [0, 1, 2, 3, 4, 5]
        wanted, when = asked(fold)
        assert wanted == {"بسام": ["a", "g"], "🙂": ["g"]}  # g once, though taken twice
        assert set(when.values()) == {day(8)}
        assert fold.known.tolist() == [3]
        assert fold.truth.column("grade").to_pylist() == [1, 1, 1]
        assert fold.warnings == (
            "50.0 % of the 2 requests are of users without a history: nothing tells them apart",
            "66.7 % of the 3 items asked for are in no event learnt from: no list can hold them",
        )


def test_rolling_origin_ends_with_the_log():
    first, second = rolling_origin(EVENTS, folds=2, horizon=timedelta(3))
    assert (first.name, second.name) == ("rolling_origin 1 of 2", "rolling_origin 2 of 2")
    assert (first.cut.as_py(), second.cut.as_py()) == (day(4), day(7))
    assert first.train.tolist() == [0, 1, 2, 3, 4]
    assert asked(first)[0] == {"ann": ["c"]}
    assert first.known.tolist() == [0, 2]
    assert first.warnings == ()
    assert second.train.tolist() == [0, 1, 2, 3, 4, 5]
    assert asked(second)[0] == {"بسام": ["a", "g"], "🙂": ["g"]}


def test_leave_last_out():
    fold = leave_last_out(EVENTS)
    wanted, when = asked(fold)
    assert wanted == {"ann": ["c"], "بسام": ["a"], "李": ["b"], "🙂": ["g"]}
    assert when == {"ann": day(4), "بسام": day(9), "李": day(3), "🙂": day(9)}
    assert fold.cut is None
    assert fold.train.tolist() == fold.known.tolist() == [0, 1, 2, 3, 6, 7]


def test_what_leave_last_out_lets_out():
    # Training (all but the last events) ends on day 8. Requests are on days 4, 6, 7 and 9. x comes to training on day 5.
    events = pa.table(
        {
            "user_id": ["a", "a", "b", "b", "c", "c", "c", "d", "d", "d"],
            "item_id": ["u", "x", "u", "v", "u", "x", "u", "v", "u", "w"],
            "timestamp": pa.array([0, 4, 1, 6, 2, 5, 7, 3, 8, 9], pa.date32()),
        }
    )
    assert leave_last_out(events).warnings == (
        "for 75.0 % of the requests, events of other users from after the request are learnt from",
        "25.0 % of the items asked for were new to all at the request, yet later events of them are learnt from",
        "the events learnt from go on for 1.5 days after the median request",  # 4, 2, 1 and 0 days
        "25.0 % of the 4 items asked for are in no event learnt from: no list can hold them",
    )
    together = events.set_column(2, "timestamp", pa.array([0, 9, 1, 9, 2, 3, 9, 3, 4, 9]))
    assert leave_last_out(together).warnings == (
        "25.0 % of the 4 items asked for are in no event learnt from: no list can hold them",
    )


def held_out(events, user, share=0.5):
    """A user_holdout fold in which this user alone is held out."""
    for seed in range(100):
        try:
            fold = user_holdout(events, share=share, seed=seed)
        except InputError:  # none, or all
            continue
        if fold.requests.column("user_id").to_pylist() == [user]:
            return fold
    raise AssertionError(user)


def test_user_holdout_asks_for_the_last_fifth():
    user = ["u"] * 6 + ["v"] * 3 + ["w"] * 2
    item = [5, 4, 3, 2, 1, 0, 7, 7, 7, 8, 9]
    time = [0, 1, 2, 3, 4, 4, 0, 4, 5, 6, 7]  # items 1 and 0 at one time: 0 comes first
    events = pa.table({"user_id": user, "item_id": item, "timestamp": time})
    fold = held_out(events, "u")
    assert fold.truth.to_pylist() == [{"request_id": 0, "item_id": item, "grade": 1} for item in (0, 1)]  # a fifth, rounded up
    assert fold.requests.column("timestamp").to_pylist() == [4]
    assert fold.known.tolist() == [0, 1, 2, 3]
    assert fold.train.tolist() == [6, 7, 8, 9, 10]
    assert fold.warnings == (
        "60.0 % of the events learnt from are later than a request, on average: a system may know later trends",
        "100.0 % of the 2 items asked for are in no event learnt from: no list can hold them",
    )


@pytest.mark.parametrize(("events", "asked_for"), [(1, 1), (5, 1), (6, 2), (10, 2), (35, 7), (36, 8)])
def test_a_fifth_is_rounded_up(events, asked_for):
    user = np.append(np.zeros(events, int), [1, 1])
    log = pa.table({"user_id": user, "item_id": np.arange(len(user)), "timestamp": np.arange(len(user))})
    assert held_out(log, 0).truth.num_rows == asked_for


def test_user_holdout_asks_for_the_last_session():
    events = pa.table(
        {
            "user_id": [1, 1, 1, 1, 1, 2, 2],
            "item_id": [1, 2, 3, 4, 5, 1, 2],
            "timestamp": [0, 1, 5, 6, 7, 0, 1],
            # Session p goes on after q began: what comes then is asked for too. User 2's p is another one.
            "session_id": ["p", "p", "q", "q", "p", "p", None],
        }
    )
    fold = held_out(events, 1)
    assert (fold.train.tolist(), fold.known.tolist()) == ([5, 6], [0, 1])
    assert fold.truth.column("item_id").to_pylist() == [3, 4, 5]
    assert fold.requests.column("timestamp").to_pylist() == [5]
    other = held_out(events, 2)  # an event without a session is one by itself
    assert (other.known.tolist(), other.truth.column("item_id").to_pylist()) == ([5], [2])


def test_a_session_column_of_nulls_is_none():
    events = EVENTS.append_column("session_id", pa.nulls(len(EVENTS), pa.string()))
    assert same(held_out(EVENTS, "بسام"), held_out(events, "بسام"))


def test_a_user_stays_held_out_as_the_log_grows():
    ids = np.repeat(np.arange(300), 2)
    log = pa.table({"user_id": ids, "item_id": ids % 7, "timestamp": np.arange(600)})
    part, whole = user_holdout(log.slice(0, 300), share=0.3), user_holdout(log, share=0.3)
    early = [user for user in whole.requests.column("user_id").to_pylist() if user < 150]
    assert part.requests.column("user_id").to_pylist() == early
    assert 60 < whole.requests.num_rows < 120
    assert not same(whole, user_holdout(log, share=0.3, seed=8))


def test_times_of_every_kind_make_the_same_folds():
    days = EVENTS.column("timestamp").cast(pa.int32())
    folds = [leave_last_out(EVENTS), time_split(EVENTS)]
    for kind in (pa.date64(), *(pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "Asia/Tokyo"))):
        made = EVENTS.set_column(2, "timestamp", EVENTS.column("timestamp").cast(pa.timestamp("s")).cast(kind))
        zoned = datetime(1970, 1, 9, 9, tzinfo=timezone(timedelta(hours=9)))
        for cut in (date(1970, 1, 9), datetime(1970, 1, 9), zoned):
            found = time_split(made, test=cut)
            assert found.train.tolist() == folds[1].train.tolist()
            assert asked(found)[0] == asked(folds[1])[0]
        last = leave_last_out(made)
        assert last.warnings == folds[0].warnings
        assert last.requests.column("timestamp").type == (pa.date32() if kind == pa.date64() else kind)
    integers = EVENTS.set_column(2, "timestamp", pa.chunked_array([pa.array(days.to_numpy() - 100)]))  # below 0
    assert time_split(integers).cut.as_py() == -92
    assert time_split(integers, test=-92).train.tolist() == folds[1].train.tolist()
    assert rolling_origin(integers, horizon=3, folds=2)[0].cut.as_py() == -96
    assert "go on for 2.0 units of the timestamps after" in leave_last_out(integers).warnings[2]


USERS = h.sampled_from(["ann", "李", "🙂", "بسام", "ann ", "Ann"])
ITEMS = h.sampled_from(["牛奶", "milk", "🍞", "خبز", "a", "A"])
ROWS = h.lists(
    h.tuples(USERS, ITEMS, h.integers(-5, 20), h.none() | h.integers(0, 2)), min_size=3, max_size=40
).filter(lambda rows: 2 <= len({row[0] for row in rows}) < len(rows))  # fmt: skip


def log_of(rows):
    columns = zip(*rows, strict=True)
    kinds = (pa.string(), pa.string(), pa.int64(), pa.int64())
    names = ("user_id", "item_id", "timestamp", "session_id")
    return pa.table({name: pa.array(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)})


def made(protocol, events):
    """The folds of a protocol, or none where it refuses this log."""
    try:
        found = {
            "time_split": lambda: time_split(events, test=0.3),
            "rolling_origin": lambda: rolling_origin(events, folds=2, horizon=3),
            "user_holdout": lambda: user_holdout(events, share=0.5),
            "leave_last_out": lambda: leave_last_out(events),
        }[protocol]()
    except InputError:
        return ()
    return found if isinstance(found, tuple) else (found,)


def pairs(events, rows):
    part = events.take(pa.array(rows))
    return set(zip(part.column("user_id").to_pylist(), part.column("item_id").to_pylist(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["time_split", "rolling_origin", "user_holdout", "leave_last_out"])
@given(rows=ROWS)
@settings(max_examples=80, deadline=None)
def test_every_event_has_one_place(protocol, rows):
    events = log_of(rows)
    folds = made(protocol, events)
    assume(folds)
    time = events.column("timestamp").to_numpy()
    user = np.array(events.column("user_id").to_pylist())
    for fold in folds:
        users = fold.requests.column("user_id").to_pylist()
        of, wanted = fold.truth.column("request_id").to_pylist(), fold.truth.column("item_id").to_pylist()
        rest = np.setdiff1d(np.arange(len(events)), np.union1d(fold.train, fold.known))
        if protocol == "user_holdout":
            assert not np.intersect1d(fold.train, fold.known).size
            assert not np.isin(user[fold.train], users).any()
        else:
            assert fold.known.tolist() == fold.train[np.isin(user[fold.train], users)].tolist()
        if fold.cut is not None:
            cut = fold.cut.as_py()
            assert time[fold.train].max() < cut <= time[rest].min()
            assert set(fold.train) == set(np.flatnonzero(time < cut))
        if protocol == "rolling_origin":
            rest = rest[time[rest] < cut + 3]
        # What is neither learnt from nor known is asked for: all of it, and nothing else, each item once.
        asked_for = [(users[request], item) for request, item in zip(of, wanted, strict=True)]
        assert len(set(asked_for)) == len(asked_for)
        assert set(asked_for) == pairs(events, rest)
        assert set(users) == set(user[rest])
        for name in ("train", "known"):
            assert (np.diff(getattr(fold, name)) > 0).all()
        # No user is known by what comes after what is asked of him.
        for one in users:
            own = fold.known[user[fold.known] == one]
            assert time[own].max(initial=-99) <= time[rest][user[rest] == one].min()


def canonical(fold, events):
    """A fold without positions: what its rows hold, sorted. Rows that differ in their session alone may change places."""
    rows = events.select(["user_id", "item_id", "timestamp"])
    keys = [sorted(map(str, rows.take(pa.array(at)).to_pylist())) for at in (fold.train, fold.known)]
    return fold.name, fold.cut, keys, fold.requests.to_pylist(), fold.truth.to_pylist(), fold.warnings


def same(a, b):
    return (
        a.requests.equals(b.requests)
        and a.truth.equals(b.truth)
        and (a.name, a.cut, a.warnings, a.train.tolist(), a.known.tolist())
        == (b.name, b.cut, b.warnings, b.train.tolist(), b.known.tolist())
    )


@pytest.mark.parametrize("protocol", ["time_split", "rolling_origin", "user_holdout", "leave_last_out"])
@given(rows=ROWS, seed=h.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_changes_nothing(protocol, rows, seed):
    events = log_of(rows)
    shuffled = events.take(pa.array(np.random.default_rng(seed).permutation(len(events))))
    a, b = made(protocol, events), made(protocol, shuffled)
    assert [canonical(fold, events) for fold in a] == [canonical(fold, shuffled) for fold in b]


@given(rows=ROWS)
@settings(max_examples=40, deadline=None)
def test_integer_and_text_ids_are_split_alike(rows):
    """Ids whose orders agree, as integers and as their decimal text."""
    events = log_of(rows)
    number = {name: 10 + place for place, name in enumerate(sorted({*events.column("user_id").to_pylist()}, key=str.encode))}
    integers = pa.array([number[user] for user in events.column("user_id").to_pylist()])
    for protocol in ("time_split", "rolling_origin", "user_holdout", "leave_last_out"):
        a = made(protocol, events.set_column(0, "user_id", integers))
        b = made(protocol, events.set_column(0, "user_id", integers.cast(pa.string()).dictionary_encode()))
        for one, other in zip(a, b, strict=True):
            assert one.train.tolist() == other.train.tolist()
            assert one.truth.equals(other.truth)
            assert one.warnings == other.warnings


def changed(column, values):
    return EVENTS.set_column(EVENTS.column_names.index(column), column, values)


GAP = [("ann", "a", 0, None), ("李", "a", 1, None), ("李", "b", 9, None)]
FEW = pa.table({"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": [1, 2]})


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (lambda: time_split(EVENTS.drop_columns("item_id")), "events has no column 'item_id'.*it needs user_id"),
        (lambda: time_split(changed("user_id", pa.array([None, *"abcdefghi"]))), "events: user_id is null in 1 rows"),
        (lambda: time_split(changed("timestamp", pa.array([None, *range(9)]))), "events: timestamp is null in 1 rows"),
        (lambda: time_split(changed("item_id", pa.array([np.nan] * 10))), "item_id holds double; ids are integers or text"),
        (lambda: time_split(changed("timestamp", pa.array([np.nan] * 10))), "timestamp holds double; give timestamps, dates"),
        (lambda: leave_last_out(EVENTS.slice(0, 1)), r"events are of 1 user\(s\); a protocol needs 2 or more"),
        (lambda: leave_last_out(EVENTS.slice(0, 0)), r"events are of 0 user\(s\)"),
        (lambda: user_holdout(FEW), "each of the 2 users has one event only"),
        (lambda: time_split(EVENTS, test=1.0), "test is 1.0; give a share between 0 and 1"),
        (lambda: time_split(EVENTS, test=float("nan")), "test is nan; give a share"),
        (lambda: time_split(EVENTS, test=0.99), "time_split: cut 1970-01-01 .until 1970-01-11. has no event before it"),
        (lambda: time_split(EVENTS, test=date(1970, 1, 1)), "has no event before it to learn from; the log goes from 1970-01-01"),
        (lambda: time_split(EVENTS, test=date(1971, 1, 1)), "cut 1971-01-01 .* has no event from there on .* to 1970-01-10"),
        (lambda: time_split(EVENTS, test=timedelta(400)), "has no event before it"),
        (lambda: time_split(EVENTS, test=timedelta(hours=5)), r"timestamps are date32\[day\]: give a timedelta of whole units"),
        (lambda: time_split(EVENTS, test=timedelta(0)), "test is datetime.timedelta.0.; give a length above 0"),
        (lambda: time_split(EVENTS, test="soon"), r"test is 'soon'; timestamps are date32\[day\]: give an instant of that kind"),
        (lambda: time_split(changed("timestamp", pa.array(range(10))), test=date(1970, 1, 5)), "int64: give an instant of that"),
        (lambda: time_split(changed("timestamp", pa.array(range(10))), test=timedelta(1)), "int64: give an integer"),
        (lambda: rolling_origin(EVENTS, horizon=5), "horizon is 5; timestamps are date32"),
        (lambda: rolling_origin(EVENTS, horizon=timedelta(5), folds=0), "folds is 0; give 1 or more"),
        (
            lambda: rolling_origin(EVENTS, horizon=timedelta(5), folds=2),
            r"2 horizons of 5.0 days are as long as the log or longer \(10.0 days\)",
        ),
        (lambda: rolling_origin(log_of(GAP), horizon=2, folds=2), "rolling_origin 1 of 2: cut 6 .until 8. has no event from"),
        (lambda: user_holdout(EVENTS, share=0.0), "share is 0.0; give a share between 0 and 1"),
        (lambda: user_holdout(EVENTS, share=1e-9), "none of the 4 users are held out at share 1e-09; change share or seed"),
        (lambda: user_holdout(EVENTS, share=1 - 1e-9), "all of the 4 users are held out"),
    ],
)  # fmt: skip
def test_refuses(split, message):
    with pytest.raises(InputError, match=message):
        split()
