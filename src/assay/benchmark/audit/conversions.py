"""Conversions that come after the window in which truth, or a training label, was collected."""

from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np

from assay.benchmark.audit.coded import DAY, EXAMPLES, NEVER, Coded, Ints, LackingError, Mean, Outcome, iso, mean
from assay.evaluation.leakage import Finding
from assay.language import english

LOOKS = (english("view"), english("cart"), english("exposure"))
MISSED = 0.05
CONVERSIONS = 30  # fewer say too little
_HORIZONS = 2  # how long pairs are followed, at least


class _Converted(NamedTuple):
    """Looks that led to a conversion, by user and item: pair number, instant of the look, delay of the conversion."""

    pair: Ints
    look: Ints
    delay: Ints
    followed: int


def open_conversions(coded: Coded) -> Outcome:
    """The share of conversions that come later than the horizon after a first look, and so are missed or still open.

    A look (LOOKS) of a user at an item is first when none was within the horizon before it; its conversion is the first
    target event before the next first look. From the log before the first request, and only looks that are old enough to
    be followed for half of that log, and conversions within that half: all delays up to it are seen for all of them, so
    that nothing is censored. What takes longer still is not counted: the share is at least this. Train: the share of
    positives whose conversion falls between the split and the end of their label's window, were every row of train a look.
    A warning when the whole interval, clustered by user, is above MISSED.
    """
    converted = _converted(coded)
    horizon = _micro(coded)
    user = converted.pair // coded.size("item_id")
    late = converted.delay > horizon
    share = mean(late, user)
    facts: dict[str, Any] = {
        "open_share": share.to_dict(),
        "open_conversions": len(late),
        "open_followed_days": converted.followed / DAY,
    }
    findings = []
    if share.low > MISSED:
        message = english(
            "{number} % ({number_low} to {number_high}) of conversions come later than {number_days} days after a first look: "
            "the requests' truth misses them",
            **_percent(share),
            number_days=f"{horizon / DAY:g}",
        )
        mend = english("collect truth for longer, or end the requests earlier")
        findings.append(_finding(coded, message, converted, late, int(late.sum()), mend))
    if coded.has("train") and coded.evidence.protocol == "time":
        left = np.sort(coded.start - coded.time("train"))
        rows = int(((left >= 0) & (left < horizon)).sum())
        # For each conversion in its window: the share of training rows that stand too close to the split to see it.
        near = (np.searchsorted(left, converted.delay, side="left") - np.searchsorted(left, 0)) / len(left)
        share = mean(np.where(late, 0.0, near), user)
        facts["open_share_train"] = share.to_dict()
        if share.low > MISSED:
            message = english(
                "{number} % ({number_low} to {number_high}) of train's positives are to be expected after the split: the label "
                "windows of {number_rows} rows reach past it",
                **_percent(share),
                number_rows=rows,
            )
            mend = english("end train one horizon before the first request")
            findings.append(_finding(coded, message, converted, ~late, rows, mend))
    return Outcome(findings, facts)


def _percent(share: Mean) -> dict[str, str]:
    """A share and the ends of its interval, as a message has them."""
    ends = {"number": share.value, "number_low": share.low, "number_high": share.high}
    return {name: f"{100 * end:.1f}" for name, end in ends.items()}


def _micro(coded: Coded) -> int:
    assert coded.evidence.horizon is not None
    return coded.evidence.horizon // timedelta(microseconds=1)


def _converted(coded: Coded) -> _Converted:
    time, pair = coded.time("events"), coded.pair("events")
    before = time < coded.start
    if not before.any():
        raise LackingError(english("events before the first request"))
    followed = (coded.start - int(time.min())) // 2
    if followed < _HORIZONS * _micro(coded):
        raise LackingError(english("a log of at least {number} horizons before the first request", number=2 * _HORIZONS))
    looks, targets = (np.flatnonzero(before & coded.kind(*kinds)) for kinds in (LOOKS, (coded.evidence.target,)))
    pairs, look = _first_looks(pair[looks], time[looks], _micro(coded))
    delay = _delays(pairs, look, pair[targets], time[targets])
    kept = (look <= coded.start - followed) & (delay <= followed)
    if kept.sum() < CONVERSIONS:
        raise LackingError(
            english(
                "{number} conversions after a first look ({kinds}) in the older half of the log",
                number=CONVERSIONS,
                kinds=", ".join(LOOKS),
            )
        )
    return _Converted(pairs[kept], look[kept], delay[kept], followed)


def _first_looks(pair: Ints, time: Ints, pause: int) -> tuple[Ints, Ints]:
    """Pairs and instants of the looks that no other of the pair precedes by `pause` or less; by pair, then time."""
    order = np.lexsort((time, pair))
    pair, time = pair[order], time[order]
    first = np.ones(len(pair), np.bool_)
    first[1:] = (pair[1:] != pair[:-1]) | (time[1:] - time[:-1] > pause)
    return pair[first], time[first]


def _delays(pair: Ints, look: Ints, target_pair: Ints, target: Ints) -> Ints:
    """From each first look to the first target of its pair that no later first look precedes; NEVER without one."""
    moments = np.sort(look)
    # a pair's number is the place of its first row, an instant's that of the first look not before it: both rise
    keys = np.searchsorted(pair, pair) * (len(moments) + 1) + np.searchsorted(moments, look) + 1
    target_key = np.searchsorted(pair, target_pair) * (len(moments) + 1) + np.searchsorted(moments, target, side="right")
    at = np.searchsorted(keys, target_key, side="right") - 1
    own = (at >= 0) & (np.append(pair, -1)[at] == target_pair)
    delay = np.full(len(pair), NEVER)
    np.minimum.at(delay, at[own], target[own] - look[at[own]])
    return delay


def _finding(coded: Coded, message: str, converted: _Converted, rows: Any, count: int, mend: str) -> Finding:
    """With the first conversions, by user and item, among `rows` as examples."""
    items = coded.size("item_id")
    examples = [
        {
            "user_id": coded.id("user_id", int(converted.pair[k] // items)),
            "item_id": coded.id("item_id", int(converted.pair[k] % items)),
            "first_look": iso(converted.look[k]),
            "delay_days": float(converted.delay[k] / DAY),
        }
        for k in np.flatnonzero(rows)[:EXAMPLES]
    ]
    return Finding("open_conversions", "warning", message, count, examples, mend)
