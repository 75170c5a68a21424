"""A made-up shop without leaks, for tests of the audit: its log, requests, truth, candidates and training rows."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pyarrow as pa

from assay.benchmark.audit.checks import audit
from assay.benchmark.audit.evidence import Evidence
from assay.testing.data import make_samples

HOUR = 3_600_000_000
DAY = 24 * HOUR
BEGIN = 1_700_000_000_000_000
TEST, VALIDATION, TRAIN_END = (BEGIN + day * DAY for day in (90, 76, 83))
USERS, ITEMS, LOOKS, EXPOSURES = 400, 600, 20_000, 6_000
SCRIPTS = ("user {}", "用户{}", "🙂{}", "משתמש {}", "п{}")


def instants(micro):
    return pa.array(micro, pa.timestamp("us", tz="UTC"))


def _names(count, rng, text):
    order = rng.permutation(count)
    return np.array([SCRIPTS[k % 5].format(k) for k in order]) if text else order * 7 - 50


def _log(rng):
    """Codes, kinds, instants, prices and positions of events; the last look's buying does not depend on the position."""
    weight = rng.permutation(1.0 / np.arange(1, ITEMS + 1) ** 0.6)
    launch = np.where(rng.random(ITEMS) < 0.7, 0, rng.integers(0, 60, ITEMS)) * DAY + BEGIN
    taste = rng.gamma(0.5, size=(USERS, 10))
    shown = LOOKS + EXPOSURES
    user, time = rng.integers(USERS, size=shown), BEGIN + rng.integers(100 * DAY, size=shown)
    group = (taste.cumsum(axis=1) / taste.sum(axis=1, keepdims=True))[user]
    group = (rng.random(shown)[:, None] > group).sum(axis=1)
    item = np.empty(shown, np.int64)
    for g in range(10):
        own = np.arange(g, ITEMS, 10)
        item[group == g] = rng.choice(own, (group == g).sum(), p=weight[own] / weight[own].sum())
    kept = launch[item] <= time
    user, item, time = user[kept], item[kept], time[kept]
    exposure = np.arange(shown)[kept] >= LOOKS
    bought = rng.random(len(user)) < np.where(exposure, 0.3, 0.7)
    delay = (rng.exponential(5 * HOUR, len(user))).astype(np.int64) + HOUR // 60
    position = np.where(exposure, rng.integers(1, 11, len(user)), 0)
    columns = [(user, user[bought]), (item, item[bought]), (time, (time + delay)[bought])]
    user, item, time = (np.concatenate(pair) for pair in columns)
    kind = np.concatenate([np.where(exposure, "exposure", "view"), np.full(bought.sum(), "purchase")])
    position = np.concatenate([position, np.zeros(bought.sum(), np.int64)])
    price = 100 + rng.integers(0, 50, ITEMS)[item] * 100 + (time - BEGIN) // (9 * DAY)
    return user, item, kind, time, price, position


@cache
def shop(seed=0, text=True):
    """Evidence without a leak; every check but user_across runs on it."""
    rng = np.random.default_rng(seed)
    users, items = _names(USERS, rng, text), _names(ITEMS, rng, text)
    user, item, kind, time, price, position = _log(rng)
    session = user * 200 + (time - BEGIN) // DAY
    events = pa.table(
        {
            "user_id": users[user],
            "item_id": items[item],
            "event": kind,
            "timestamp": instants(time),
            "session_id": session,
            "price": price,
            "position": pa.array(position, mask=position == 0),
        }
    )
    asked_at = TEST + rng.integers(2 * DAY, size=USERS)
    first = np.full(ITEMS, np.iinfo(np.int64).max)
    np.minimum.at(first, item, time)
    true = (kind == "purchase") & (time > asked_at[user]) & (time <= asked_at[user] + 7 * DAY)
    pairs, at = np.unique((user * ITEMS + item)[true], return_index=True)
    taken = time[true][at]
    asked = np.unique(pairs // ITEMS)
    listed = (asked[:, None] * ITEMS + rng.integers(ITEMS, size=(len(asked), 40))).ravel()
    listed = np.unique(np.concatenate([listed, pairs]))
    listed = rng.permutation(listed[first[listed % ITEMS] < asked_at[listed // ITEMS]])
    who, what = listed // ITEMS, listed % ITEMS
    last = np.full(ITEMS, BEGIN)
    np.maximum.at(last, item[time <= TEST], time[time <= TEST])
    device = rng.choice(["phone", "desk", "桌"], USERS, p=[0.6, 0.3, 0.1])
    live = rng.choice(["phone", "desk", "桌"], 6_000, p=[0.6, 0.3, 0.1])
    requests = {
        "request_id": asked + 10_000,
        "user_id": users[asked],
        "timestamp": instants(asked_at[asked]),
        "session_id": asked * 200 + 150,
        "device": device[asked],
        "hour": rng.integers(0, 24, len(asked)),
    }
    bought = np.flatnonzero((kind == "purchase") & (time < TRAIN_END))
    label = np.arange(2 * len(bought)) < len(bought)
    rows = np.concatenate([bought, bought])
    # a negative is any item that the log knows, at a purchase's time
    other = rng.integers(ITEMS, size=len(rows))
    learnt = {
        "user_id": users[user[rows]],
        "item_id": items[np.where(label | (first[other] > time[rows]), item[rows], other)],
        "timestamp": instants(time[rows] + ~label),
        "label": label.astype(np.int8),
        "session_id": session[rows],
        "sample_id": rng.permutation(len(rows)),
    }
    late = time[rows] >= VALIDATION
    learnt = pa.table(learnt)
    return Evidence(
        requests=pa.table(requests),
        truth=pa.table(
            {
                "request_id": pairs // ITEMS + 10_000,
                "item_id": items[pairs % ITEMS],
                "grade": np.ones(len(pairs)),
                "timestamp": instants(taken),
            }
        ),
        candidates=pa.table(
            {
                "request_id": who + 10_000,
                "item_id": items[what],
                "price": 100 + (_base(events, items)[what]) + (last[what] - BEGIN) // (9 * DAY),
            }
        ),
        train=learnt.filter(pa.array(~late)),
        validation=learnt.filter(pa.array(late)),
        events=events,
        samples=make_samples(4000, seed=seed),
        traffic=pa.table({"device": live, "hour": rng.integers(0, 24, 6_000)}),
        horizon=timedelta(days=7),
    )


def _base(events, items):
    """What an item costs, less 100, on the first day."""
    place = {name: k for k, name in enumerate(items.tolist())}
    base = np.zeros(len(items), np.int64)
    at = np.array([place[name] for name in events.column("item_id").to_pylist()])
    days = (events.column("timestamp").cast(pa.int64()).to_numpy() - BEGIN) // (9 * DAY)
    base[at] = events.column("price").to_numpy() - 100 - days
    return base


def change(evidence, table, **columns):
    """The evidence with columns of a table replaced, or added."""
    made = getattr(evidence, table)
    for name, values in columns.items():
        if name in made.column_names:
            made = made.drop_columns(name)
        made = made.append_column(name, pa.array(values) if not isinstance(values, pa.Array) else values)
    return replace(evidence, **{table: made})


def append(evidence, table, rows):
    """The evidence with rows (a list of dicts) added to a table."""
    made = getattr(evidence, table)
    return replace(evidence, **{table: pa.concat_tables([made, pa.Table.from_pylist(rows, schema=made.schema)])})


def when(micro):
    return datetime.fromtimestamp(micro / 1e6, UTC)


def column(evidence, table, name):
    return np.array(getattr(evidence, table).column(name).to_pylist())


def micro(evidence, table):
    return getattr(evidence, table).column("timestamp").cast(pa.int64()).to_numpy()


def only(evidence, check, severity="error"):
    """The one finding, of this check."""
    found = audit(evidence)
    assert [finding.check for finding in found.findings] == [check]
    finding = found.findings[0]
    assert finding.severity == severity
    assert 1 <= len(finding.examples) <= 3
    assert finding.mend
    json.dumps(found.to_dict(), allow_nan=False)
    return finding
