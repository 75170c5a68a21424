"""What is shown more is taken more: popularity and position."""

from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from assay.benchmark.audit.coded import (
    EXAMPLES,
    LEVEL,
    Bools,
    Coded,
    Floats,
    Ints,
    LackingError,
    Mean,
    Outcome,
    mean,
    request_auc,
)
from assay.evaluation.leakage import Finding
from assay.language import english

POPULARITY_AUC = 0.9
HEAD = 0.1  # share of the items known before the test
TAKEN_WITHIN = timedelta(days=1)  # of an exposure, where no horizon is given
_PLACES = 10


def popularity_bias(coded: Coded) -> Outcome:
    """How well training popularity alone tells truth from other candidates: mean AUC within requests, over users.

    A warning when the whole interval is above POPULARITY_AUC: then the test hardly asks for taste.
    """
    item, request = coded.code("candidates", "item_id"), coded.code("candidates", "request_id")
    of, each = request_auc(coded.label, coded.popularity[item], request)
    if not len(of):
        raise LackingError(english("requests with relevant and other candidates"))
    auc = mean(each, coded.request_user[of], 0.5)
    head = _head(coded)
    taken = coded.code("truth", "item_id")[coded.positive]
    facts: dict[str, Any] = {"popularity_auc": auc.to_dict(), "truth_in_head": float(head[taken].mean())}
    if auc.low <= POPULARITY_AUC:
        return Outcome([], facts)
    finding = Finding(
        "popularity_bias",
        "warning",
        english(
            "popularity in training alone tells relevant candidates from others with AUC {mean}; {number} % of truth are among "
            "the {number_head} % most popular items",
            mean=auc,
            number=f"{100 * facts['truth_in_head']:.0f}",
            number_head=f"{100 * HEAD:.0f}",
        ),
        int(coded.label.sum()),
        coded.examples("candidates", coded.label),
        english("draw harder candidates (by popularity, or what systems recommend), and report head and tail apart"),
    )
    return Outcome([finding], facts)


def _head(coded: Coded) -> Bools:
    """Items (I,) that are among the most popular; equally popular ones by id."""
    popular = coded.popularity
    count = int(np.ceil(HEAD * (popular > 0).sum()))
    head = np.zeros(len(popular), np.bool_)
    head[np.lexsort((np.arange(len(popular)), -popular))[:count]] = True
    return head


class _Shown(NamedTuple):
    """Rows that were shown: user code, position from 1, whether taken, propensity (NaN: unknown). All (n,)."""

    user: Ints
    position: Floats
    taken: Bools
    propensity: Floats


def position_bias(coded: Coded) -> Outcome:
    """Whether what is shown higher is taken more, without propensities that would make up for it.

    From truth's rows with a position if some were not taken (grade 0), else from the log's exposures with a position;
    these count as taken when the user takes the item (target) within the horizon, or a day. A line on the log of the
    position, errors clustered by user; a warning when it falls with p below LEVEL and propensities do not vary.
    """
    shown = _from_truth(coded) or _from_events(coded)
    if shown is None:
        raise LackingError(english("shown rows with a position, some taken and some not, of at least 2 positions"))
    slope = _slope(shown)
    rates = _rates(shown)
    logged = shown.propensity[~np.isnan(shown.propensity)]
    varies = bool(len(logged)) and float(np.ptp(logged)) > 0
    facts = {"take_rate_by_position": rates, "position_slope": slope.to_dict(), "propensities_vary": varies}
    if varies or slope.value >= 0 or slope.p >= LEVEL:
        return Outcome([], facts)
    finding = Finding(
        "position_bias",
        "warning",
        english(
            "the share taken falls by {number} ({number_low} to {number_high}) each time the position grows 2.7-fold, and no "
            "propensities that vary are given",
            number=f"{-slope.value:.4f}",
            number_low=f"{-slope.high:.4f}",
            number_high=f"{-slope.low:.4f}",
        ),
        len(shown.user),
        rates[:EXAMPLES],
        english(
            "log propensities (some random order at times) and weight by them, or judge systems on what was shown at one position"
        ),
    )
    return Outcome([finding], facts)


def _usable(shown: _Shown) -> _Shown | None:
    """In an order of their own, so that sums have the same bits in any order of the rows; None where nothing varies."""
    if not len(shown.user) or np.ptp(shown.position) == 0 or np.ptp(shown.taken.astype(np.int8)) == 0:
        return None
    order = np.lexsort((shown.propensity, shown.taken, shown.position, shown.user))
    return _Shown(shown.user[order], shown.position[order], shown.taken[order], shown.propensity[order])


def _propensity(coded: Coded, table: str) -> Floats:
    if coded.has(f"{table}.propensity"):
        return coded.number(table, "propensity")
    return np.full(len(getattr(coded.evidence, table)), np.nan)


def _from_truth(coded: Coded) -> _Shown | None:
    if not coded.has("truth.position"):
        return None
    position = coded.number("truth", "position")
    rows = ~np.isnan(position)
    user, propensity = coded.user_of("truth")[rows], _propensity(coded, "truth")[rows]
    return _usable(_Shown(user, position[rows], coded.positive[rows], propensity))


def _from_events(coded: Coded) -> _Shown | None:
    if not coded.has("events.position"):
        return None
    position = coded.number("events", "position")
    rows = coded.kind("exposure") & ~np.isnan(position)
    if not rows.any():
        return None
    within = (coded.evidence.horizon or TAKEN_WITHIN) // timedelta(microseconds=1)
    taken = _followed(coded, rows, coded.kind(coded.evidence.target), within)
    return _usable(_Shown(coded.code("events", "user_id")[rows], position[rows], taken, _propensity(coded, "events")[rows]))


def _followed(coded: Coded, rows: Bools, targets: Bools, within: int) -> Bools:
    """Which rows of the log are followed by a target of the same user and item, `within` microseconds at most."""
    time, pair = coded.time("events"), coded.pair("events")
    moments, pairs = np.sort(time[targets]), np.sort(pair[targets])
    keys = np.sort(np.searchsorted(pairs, pair[targets]) * (len(moments) + 1) + np.searchsorted(moments, time[targets]))
    at = np.searchsorted(pairs, pair[rows])
    begin = at * (len(moments) + 1)
    first = np.searchsorted(keys, begin + np.searchsorted(moments, time[rows]))
    after = np.searchsorted(keys, begin + np.searchsorted(moments, time[rows] + within, side="right"))
    known_pair = np.append(pairs, -1)[at] == pair[rows]
    return np.asarray(known_pair & (after > first))


def _slope(shown: _Shown) -> Mean:
    """Least squares of taken on log position; error by CR1, clustered by user."""
    x = np.log(shown.position) - np.log(shown.position).mean()
    y = shown.taken - shown.taken.mean()
    size = float(x @ x)
    slope = float(x @ y) / size
    code = np.unique(shown.user, return_inverse=True)[1]
    users = int(code.max()) + 1
    if users < 2:
        raise LackingError(english("shown rows of at least 2 users"))
    stderr = np.sqrt((np.bincount(code, x * (y - slope * x)) ** 2).sum() * users / (users - 1)) / size
    p = 2 * stats.t.sf(abs(slope) / stderr, users - 1) if stderr > 0 else float(slope == 0)
    reach = float(stats.t.ppf(0.975, users - 1) * stderr)
    return Mean(slope, slope - reach, slope + reach, float(p))


def _rates(shown: _Shown) -> list[dict[str, Any]]:
    """The first positions: rows shown, share taken, mean propensity (None: unknown)."""
    positions, code = np.unique(shown.position, return_inverse=True)
    rows, taken = np.bincount(code), np.bincount(code, shown.taken)
    has_propensity = ~np.isnan(shown.propensity)
    with_propensity, total = np.bincount(code, has_propensity), np.bincount(code, np.where(has_propensity, shown.propensity, 0.0))
    return [
        {
            "position": float(positions[k]),
            "rows": int(rows[k]),
            "taken": float(taken[k] / rows[k]),
            "propensity": float(total[k] / with_propensity[k]) if with_propensity[k] else None,
        }
        for k in range(min(_PLACES, len(positions)))
    ]
