"""Requests of a split as people see them: who asked, what was taken, and attributes by which traffic is told apart."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.language import english
from assay.logs.clean_log import CleanLog
from assay.logs.takings import counted, taken
from assay.numerics.beyond import head_items
from assay.numerics.periods import hours, periods_of, starts
from assay.runs.store import Folder
from assay.samples.query_features import frequency_class
from assay.samples.searches import Searches
from assay.samples.stored import file_of, read_searches

Codes = NDArray[np.int64]
# Least number of each band, and its name.
_KNOWN = {
    0: english("new"), 1: english("seen in 1 to 4 earlier periods"), 5: english("seen in 5 to 12"),
    13: english("seen in 13 or more"),
}  # fmt: skip
_TAKEN = {0: english("none"), 1: english("one item"), 2: english("2 to 4 items"), 5: english("5 items or more")}
_DAY_PARTS = np.array(
    [english("night (0 to 5)"), english("morning (6 to 11)"), english("afternoon (12 to 17)"), english("evening (18 to 23)")]
)
_STEPS = {
    0: english("none"), 1: english("1 step before"), 2: english("2 to 4 steps before"), 5: english("5 steps or more before"),
}  # fmt: skip
_WORDS = {0: english("1 word"), 2: english("2 words"), 3: english("3 words"), 4: english("4 words or more")}
_MOST_LEVELS = 50  # of a user's attribute: more is an id, not an attribute


def described(section: SamplesSection, run: Folder, split: str, popularity: NDArray[np.int64]) -> tuple[pa.Table, pa.Table]:
    """Requests of a split and their truth.

    requests: request_id, user_id, timestamp (start of its period), and attributes: items (head, both or tail; the head makes
    up half of all training sales), taken (how many items), and from a log also users (in how many earlier periods they
    took something), the most frequent department or category, price (mean of what was taken, in whole currency), hour (of
    the first event), period, `also <kind>` for each other kind of event in the period, query_words (of its searches), and
    what the users table says. Of a search: query (head, torso, tail or new, by the 16 periods before), query_words, list
    (whether what was shown is on record), the class of what was taken, hour, period. Of a step of a session: steps (how many came
    before), the class of what was taken, hour, period. An attribute that is the same for all is
    left out. truth: request_id, item_id, grade 1, and
    from a log timestamp, of the first time it was taken.

    popularity (items,): training positives by item code.
    """
    requests = run.read_table("samples/requests.parquet")
    requests = requests.filter(pc.equal(requests.column("split"), split)).sort_by("request_id")
    if (log := CleanLog.find(run)) is None:
        truth, attributes = _of_table(run, requests)
    elif section.request == "query":
        truth, attributes = _of_searches(section, log, read_searches(run), requests)
    elif section.request == "session":
        truth, attributes = _of_sessions(section, log, run.read_table(file_of("steps")), requests)
    else:
        truth, attributes = _of_log(section, log, requests)
    request, item = truth.column("place").to_numpy(), truth.column("item_code").to_numpy()
    size = np.bincount(request, minlength=requests.num_rows)
    best = np.append(head_items(popularity), False)  # an item unknown to training is tail
    head = np.bincount(request, best[np.minimum(item, len(popularity))], minlength=requests.num_rows)
    attributes[english("items")] = np.where(head == size, english("head"), np.where(head > 0, english("both"), english("tail")))
    attributes[english("taken")] = _bands(size, _TAKEN)
    columns: dict[str, Any] = {name: attributes.pop(name) for name in ("user_id", "timestamp")}
    kept = {name: column for name, column in attributes.items() if len(pc.unique(pa.array(column))) > 1}
    requests = pa.table({"request_id": requests.column("request_id"), **columns, **kept})
    ids = requests.column("request_id").take(pa.array(request))
    truth = truth.drop_columns(["place", "item_code"]).add_column(0, "request_id", ids)
    return requests, truth if "grade" in truth.column_names else truth.append_column("grade", pa.array(np.ones(len(request))))


def _bands(count: NDArray[Any], names: dict[int, str]) -> NDArray[np.str_]:
    return np.array([*names.values()])[np.searchsorted(np.array([*names]), count, side="right") - 1]


def _of_table(run: Folder, requests: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    rows = run.read_table("samples/candidates.parquet")
    place = pc.index_in(rows.column("request_id"), requests.column("request_id").combine_chunks())
    rows = rows.append_column("place", place).filter(pc.is_valid(place))
    first = np.unique(rows.column("place").to_numpy(), return_index=True)[1]
    attributes: dict[str, Any] = {name: rows.column(name).take(pa.array(first)) for name in ("user_id", "timestamp")}
    truth = rows.filter(pc.equal(rows.column("label"), 1))
    if "amount" in truth.column_names:
        truth = truth.append_column("grade", truth.column("amount"))
    return truth.select([name for name in ("place", "item_id", "item_code", "grade") if name in truth.column_names]), attributes


def _of_searches(
    section: SamplesSection, log: CleanLog, searches: Searches, requests: pa.Table
) -> tuple[pa.Table, dict[str, Any]]:
    """As a search happened: its truth has its own time, since what it led to is counted as its."""
    place = pc.index_in(searches.requests.column("request_id"), requests.column("request_id").combine_chunks())
    of = place.take(pa.array(searches.of("request")))
    rows = np.flatnonzero(searches.outcome(section.target) & of.is_valid().to_numpy(zero_copy_only=False))
    at, item = of.take(pa.array(rows)).to_numpy().astype(np.int64), searches.of("item_code")[rows]
    time, period = requests.column("timestamp"), requests.column("period").to_numpy()
    words = pc.count_substring_regex(requests.column("query"), r"\S+").to_numpy()
    listed = searches.requests.column("listed").take(
        pc.index_in(requests.column("request_id"), searches.requests.column("request_id"))
    )
    attributes: dict[str, Any] = {
        "user_id": log.users.column("user_id").take(requests.column("user_code")),
        "timestamp": time,
        english("query"): frequency_class(searches, requests.column("query_code").to_numpy(), period).cast(pa.string()),
        english("query_words"): _bands(words, _WORDS),
        english("list"): np.where(listed.to_numpy(zero_copy_only=False), english("on record"), english("unknown")),
        english("hour"): _DAY_PARTS[hours(time, log.time_zone) // 6],
        english("period"): pc.strftime(starts(period, section.period_days), format="%Y-%m-%d"),
    }
    attributes |= _class_taken(log.items, item.astype(np.int64), at)
    taken = {"place": at, "item_id": log.items.column("item_id").take(pa.array(item)), "item_code": item}
    return pa.table(taken | {"timestamp": time.take(pa.array(at))}), attributes


def _of_sessions(section: SamplesSection, log: CleanLog, steps: pa.Table, requests: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    place = pc.index_in(steps.column("request_id"), requests.column("request_id").combine_chunks())
    steps = steps.append_column("place", place).filter(pc.is_valid(place))
    at, item = (steps.column(name).to_numpy().astype(np.int64) for name in ("place", "item_code"))
    order = np.lexsort((item, at))
    at, item, time = at[order], item[order], requests.column("timestamp")
    period = requests.column("period").to_numpy()
    attributes: dict[str, Any] = {
        "user_id": log.users.column("user_id").take(requests.column("user_code")),
        "timestamp": time,
        english("steps"): _bands(requests.column("steps").to_numpy(), _STEPS),
        english("hour"): _DAY_PARTS[hours(time, log.time_zone) // 6],
        english("period"): pc.strftime(starts(period, section.period_days), format="%Y-%m-%d"),
    }
    attributes |= _class_taken(log.items, item, at)
    taken = {"place": at, "item_id": log.items.column("item_id").take(pa.array(item)), "item_code": item}
    return pa.table(taken | {"timestamp": time.take(pa.array(at))}), attributes


def _of_log(section: SamplesSection, log: CleanLog, requests: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    events = log.events("user_code", "item_code", "item_id", "event", "timestamp", "price", "query")
    period = periods_of(events.column("timestamp"), section.period_days)
    user = events.column("user_code").to_numpy().astype(np.int64)
    is_target = taken(log, section)
    users = int(user.max()) + 1
    key = period.astype(np.int64) * users + user
    wanted = requests.column("period").to_numpy().astype(np.int64) * users + requests.column("user_code").to_numpy()
    order = np.argsort(wanted)
    place = order[np.minimum(np.searchsorted(wanted[order], key), len(wanted) - 1)]
    rows = np.flatnonzero(wanted[place] == key)
    inside, at, took = events.take(pa.array(rows)), place[rows], is_target[rows]
    who = log.users
    asking = who.take(pa.array(requests.column("user_code").to_numpy()))
    attributes: dict[str, Any] = {
        "user_id": asking.column("user_id"),
        "timestamp": starts(requests.column("period").to_numpy(), section.period_days),
        english("users"): _bands(_earlier(key[is_target], wanted, users), _KNOWN),
        english("hour"): _hours(inside, at, len(wanted), log.time_zone),
        english("period"): pc.strftime(starts(requests.column("period").to_numpy(), section.period_days), format="%Y-%m-%d"),
    }
    attributes |= _items_taken(log, inside, at, took, len(wanted))
    attributes |= _other_kinds(inside, at, section.target, len(wanted))
    for name in who.column_names:
        if name not in ("user_id", "user_code") and len(pc.unique(who.column(name))) <= _MOST_LEVELS:
            attributes[f"user {name}"] = asking.column(name)
    truth = _first_taken(inside.filter(pa.array(took)), at[took])
    return (truth if section.labels == "binary" else _graded(section, log, requests, truth)), attributes


def _graded(section: SamplesSection, log: CleanLog, requests: pa.Table, truth: pa.Table) -> pa.Table:
    """Truth with how much each taking counts, as its grade; without what comes to nothing."""
    asked = requests.take(truth.column("place"))
    past = log.history(section.target, section.period_days, counted(log, section))
    grade = past.amounts(*(of.to_numpy() for of in (asked["user_code"], truth["item_code"], asked["period"])))
    return truth.append_column("grade", pa.array(grade)).filter(pa.array(grade > 0))


def _earlier(taken: Codes, wanted: Codes, users: int) -> Codes:
    """(R,) in how many periods before its own each request's user took something; keys are period * users + user."""
    distinct = np.unique(taken)
    who, when = distinct % users, distinct // users
    order = np.lexsort((when, who))
    by_user = who[order] * (when.max() + 1) + when[order]
    begins = np.searchsorted(by_user, (wanted % users) * (when.max() + 1))
    return np.asarray(np.searchsorted(by_user, (wanted % users) * (when.max() + 1) + wanted // users) - begins)


def _hours(inside: pa.Table, at: Codes, count: int, time_zone: str) -> NDArray[np.str_]:
    """(R,) part of the day of each request's first event."""
    instant = pc.cast(inside.column("timestamp"), pa.int64()).to_numpy()
    order = np.lexsort((instant, at))
    first = order[np.searchsorted(at[order], np.arange(count))]
    return np.asarray(_DAY_PARTS[hours(inside.column("timestamp").take(pa.array(first)), time_zone) // 6])


def _items_taken(log: CleanLog, inside: pa.Table, at: Codes, took: NDArray[np.bool_], count: int) -> dict[str, Any]:
    """The most frequent class of what was taken, and its mean price in whole currency."""
    code, of = inside.column("item_code").to_numpy()[took].astype(np.int64), at[took]
    attributes = _class_taken(log.items, code, of)
    price = inside.column("price").to_numpy(zero_copy_only=False)[took].astype(np.float64)
    priced = np.isfinite(price)
    if priced.any():
        times = 10.0**log.minor_units * np.bincount(of[priced], minlength=count)
        total = np.bincount(of[priced], price[priced], minlength=count)
        attributes[english("price")] = pa.array(
            np.divide(total, times, out=np.full(count, np.nan), where=times > 0), from_pandas=True
        )
    return attributes


def _class_taken(items: pa.Table, code: Codes, of: Codes) -> dict[str, Any]:
    """The most frequent department, or category, of the items (n,) that each request took, ties by name; {} where unknown."""
    attributes: dict[str, Any] = {}
    kind = next((name for name in ("department", "category") if items.column(name).null_count < items.num_rows), None)
    if kind is not None:
        text = pc.fill_null(items.column(kind).cast(pa.string()), english("unknown")).combine_chunks()
        names = text.unique().sort()
        each = pc.index_in(text, names).to_numpy()[code]
        pair, times = np.unique(of * len(names) + each, return_counts=True)
        order = np.lexsort((pair, -times, pair // len(names)))
        first = order[np.unique((pair // len(names))[order], return_index=True)[1]]
        attributes[kind] = names.take(pa.array(pair[first] % len(names)))
    return attributes


def _other_kinds(inside: pa.Table, at: Codes, target: str, count: int) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for kind in sorted(pc.unique(inside.column("event")).to_pylist()):
        if kind != target:
            has = np.bincount(at[pc.equal(inside.column("event"), kind).to_numpy(zero_copy_only=False)], minlength=count) > 0
            attributes[english("also {kind}", kind=kind)] = np.where(has, english("yes"), english("no"))
    words = pc.fill_null(pc.count_substring_regex(inside.column("query"), r"\S+"), 0).to_numpy()
    if words.any():
        times, total = np.bincount(at[words > 0], minlength=count), np.bincount(at, words, count)
        attributes[english("query_words")] = pa.array(
            np.divide(total, times, out=np.full(count, np.nan), where=times > 0), from_pandas=True
        )
    return attributes


def _first_taken(taken: pa.Table, at: Codes) -> pa.Table:
    """Each request's distinct items with the instant of their first taking, by request and item code."""
    item, instant = (
        taken.column("item_code").to_numpy().astype(np.int64),
        pc.cast(taken.column("timestamp"), pa.int64()).to_numpy(),
    )
    order = np.lexsort((instant, item, at))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(at[order]) != 0) | (np.diff(item[order]) != 0)
    rows = pa.array(order[new])
    first = taken.take(rows).select(["item_id", "item_code", "timestamp"])
    return first.add_column(0, "place", pa.array(at[order[new]]))
