"""What could not be known when the request was answered: items, prices, training rows of later."""

import numpy as np

from assay.benchmark.audit.coded import LEARNT, NEVER, Coded, Outcome, iso
from assay.evaluation.leakage import Finding
from assay.language import english


def future_items(coded: Coded) -> Outcome:
    """Candidates whose item has its first event after the request: nobody could have known that it would be on sale.

    An item that the log never names is no finding: it may be on sale and ignored. Its candidates are counted in the facts.
    """
    first = coded.first_event[coded.code("candidates", "item_id")]
    facts = {"candidates_without_event": int((first == NEVER).sum())}
    rows = np.flatnonzero((first > coded.asked_at("candidates")) & (first < NEVER))
    if not len(rows):
        return Outcome([], facts)
    requests = len(np.unique(coded.code("candidates", "request_id")[rows]))
    finding = Finding(
        "future_items",
        "error",
        english(
            "{number} candidates of {number_requests} requests are items without any event until after the request; "
            "{number_relevant} of them are relevant",
            number=len(rows),
            number_requests=requests,
            number_relevant=int(coded.label[rows].sum()),
        ),
        len(rows),
        _with_times(coded, rows, "first_event", first),
        english("draw a request's candidates from items that the log knew at its timestamp"),
    )
    return Outcome([finding], facts)


def future_prices(coded: Coded) -> Outcome:
    """Candidates described with a price that the log shows for the item after the request only.

    A price that the log never shows says nothing: it may be a mean, or from a price list.
    """
    item, price = coded.code("events", "item_id"), coded.number("events", "price")
    offered = coded.number("candidates", "price")
    values, code = np.unique(np.concatenate([price, offered]), return_inverse=True)
    seen = np.flatnonzero((item >= 0) & ~np.isnan(price))
    keys, place = np.unique(item[seen] * len(values) + code[: len(price)][seen], return_inverse=True)
    first = np.full(len(keys) + 1, NEVER)
    np.minimum.at(first, place, coded.time("events")[seen])
    candidate_key = coded.code("candidates", "item_id") * len(values) + code[len(price) :]
    at = np.searchsorted(keys, candidate_key)
    logged = np.append(keys, -1)[at] == candidate_key
    since = np.where(logged, first[at], NEVER)
    rows = np.flatnonzero((since > coded.asked_at("candidates")) & (since < NEVER))
    if not len(rows):
        return Outcome([], {})
    finding = Finding(
        "future_prices",
        "error",
        english(
            "{number} candidates of {number_items} items and prices have a price that the log shows after the request only",
            number=len(rows),
            number_items=len(np.unique(candidate_key[rows])),
        ),
        len(rows),
        _with_times(coded, rows, "price_first_seen", since),
        english("describe a candidate with the last price known at the request's timestamp"),
    )
    return Outcome([finding], {})


def _with_times(coded: Coded, rows: np.ndarray, name: str, times: np.ndarray) -> list[dict[str, object]]:
    """Examples of candidates with the request's instant and another one."""
    requested = coded.asked_at("candidates")
    examples = coded.examples("candidates", rows, requested=requested[rows], **{name: times[rows]})
    return [one | {"requested": iso(one["requested"]), name: iso(one[name])} for one in examples]


def train_after_test(coded: Coded) -> Outcome:
    """Rows that models learnt from, or were tuned on, that are later than the first request."""
    findings = []
    for table in LEARNT:
        if not coded.has(table):
            continue
        rows = coded.time(table) > coded.start
        if rows.any():
            findings.append(
                Finding(
                    "train_after_test",
                    "error",
                    english(
                        "{number} rows of {name} are later than the first request ({name_start})",
                        number=int(rows.sum()),
                        name=table,
                        name_start=iso(coded.start),
                    ),
                    int(rows.sum()),
                    coded.examples(table, rows),
                    english("end {name} before the first request, or begin the requests later", name=table),
                )
            )
    return Outcome(findings, {})
