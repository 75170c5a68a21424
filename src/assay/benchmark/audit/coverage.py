"""What the benchmark holds of what it should: shares of the traffic, and truth that can be reached."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.benchmark.attributes import KEYS, RequestAttribute, attribute
from assay.benchmark.audit.coded import EXAMPLES, Coded, Floats, Ints, Mean, Outcome, among
from assay.benchmark.audit.evidence import plain_table
from assay.errors import InputError
from assay.evaluation.leakage import Finding
from assay.language import english
from assay.numerics import statistics as st
from assay.pages.parts import OTHER

DISTANCE = 0.05
REACHED = 0.9
DRAWS = 1_000
LEVELS = 50
_LEAST = 10  # users of a level that the test should have; with fewer the redraws are too smooth
_SEED = 7
_ALPHA = 0.05

SHARES = pa.schema(
    {
        "attribute": pa.string(),
        "levels": pa.int64(),
        "distance": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "p": pa.float64(),
    }
)


def share_distances(requests: Any, traffic: Any) -> pa.Table:
    """How far the requests' attributes are from the traffic's: a table of schema SHARES, one row per attribute, by name.

    requests, traffic: tables; attributes are the columns of both but attributes.KEYS, with levels as `attribute` makes them.
    levels: what was compared, at most LEVELS of the traffic's most common; the rest, and those that fewer than 10 users of
    the test are expected to have, are one. distance: total variation, half the sum of the shares' absolute differences, in
    [0, 1]. low, high: 95 % interval, distance less and plus the 95 % quantile of the distance that chance makes (at least
    95 %, by the triangle inequality; low is above 0 exactly when p is below .05). p: share of redraws in which chance makes
    as much; not corrected for the number of attributes. Chance: users are drawn again where a table has user_id, else rows.
    Same result in any row order.

    InputError: a table is empty, no attribute is in both, or an attribute is of unlike types.
    """
    return pa.Table.from_pylist([line for _, line in _compared(requests, traffic)], schema=SHARES)


def _compared(requests: Any, traffic: Any) -> list[tuple[RequestAttribute, dict[str, Any]]]:
    """The shared attributes, by name, each with its line of SHARES."""
    described, live = plain_table(requests, "requests"), plain_table(traffic, "traffic")
    names = sorted(set(described.column_names) & set(live.column_names) - set(KEYS))
    if not names:
        own = ", ".join(sorted(set(described.column_names) - set(KEYS))) or "none"
        raise InputError(f"traffic has none of the requests' attributes ({own}); name its columns as in requests")
    users = _users(described, "requests"), _users(live, "traffic")
    clusters = described.num_rows if users[0] is None else int(users[0].max()) + 1
    levels = [_pooled(attribute(name, described.column(name), live.column(name), LEVELS), clusters) for name in names]
    return [(one, _line(one, *users)) for one in levels]


def shares(coded: Coded) -> Outcome:
    """Attributes whose shares differ from the traffic's by more than DISTANCE and by more than chance (Holm, 5 %)."""
    compared = _compared(coded.evidence.requests, coded.evidence.traffic)
    adjusted = st.holm([line["p"] for _, line in compared])
    rows = coded.evidence.requests.num_rows
    findings = []
    for (levels, line), p in zip(compared, adjusted, strict=True):
        if p >= _ALPHA or line["distance"] <= DISTANCE:
            continue
        name, far = levels.name, Mean(line["distance"], line["low"], line["high"], line["p"])
        message = english("the shares of {name} are {mean} away from the traffic's (total variation)", name=name, mean=far)
        mend = english("draw requests so that {name} is as in the traffic, or weight them", name=name)
        findings.append(Finding("shares", "warning", message, rows, _farthest(levels), mend))
    return Outcome(findings, {"shares": [line for _, line in compared]})


def _farthest(levels: RequestAttribute) -> list[dict[str, Any]]:
    """The levels whose shares differ most."""
    own, live = levels.shares, levels.traffic
    order = np.argsort(-np.abs(own - live), kind="stable")[:EXAMPLES]
    return [{"level": levels.levels[k], "requests": float(own[k]), "traffic": float(live[k])} for k in order]


def _users(table: pa.Table, where: str) -> Ints | None:
    """Codes (n,) of users in order of id, None where the table names none."""
    if "user_id" not in table.column_names:
        return None
    column = table.column("user_id").combine_chunks()
    if column.null_count:
        raise InputError(f"{where}: user_id is null in {column.null_count} rows; fill or drop them")
    return np.asarray(pc.rank(column, tiebreaker="dense").to_numpy(), np.int64) - 1


def _pooled(one: RequestAttribute, clusters: int) -> RequestAttribute:
    """With the rare levels and those beyond the most frequent as one."""
    kept = np.flatnonzero((one.traffic * clusters >= _LEAST) & np.array([level != OTHER for level in one.levels]))
    place = np.full(len(one.levels), len(kept))
    place[kept] = np.arange(len(kept))
    names = tuple(one.levels[k] for k in kept)
    pooled = names if len(names) == len(one.levels) else (*names, OTHER)
    return RequestAttribute(one.name, pooled, place[one.pool], place[one.live])


def _line(levels: RequestAttribute, asked_user: Ints | None, live_user: Ints | None) -> dict[str, Any]:
    distance = 0.5 * float(np.abs(levels.shares - levels.traffic).sum())
    rng = np.random.default_rng(_SEED)
    noise = zip(_noise(levels, levels.pool, asked_user, rng), _noise(levels, levels.live, live_user, rng), strict=True)
    chance = np.array([0.5 * np.abs(one - other).sum() for one, other in noise])
    reach = float(np.quantile(chance, 0.95))
    return {
        "attribute": levels.name,
        "levels": len(levels.levels),
        "distance": distance,
        "low": max(distance - reach, 0.0),
        "high": min(distance + reach, 1.0),
        "p": float((1 + (chance >= distance).sum()) / (1 + DRAWS)),
    }


def _noise(levels: RequestAttribute, level: Ints, user: Ints | None, rng: np.random.Generator) -> Iterator[Floats]:
    """How far redrawn shares (L,) are from the drawn ones, DRAWS times."""
    share = levels.share(level)
    if user is None:
        for _ in range(DRAWS):
            yield rng.multinomial(len(level), share) / len(level) - share
        return
    users = int(user.max()) + 1
    wider = np.sqrt(users / max(users - 1, 1))
    cells, rows = np.unique(user * len(share) + level, return_counts=True)
    who, what = cells // len(share), cells % len(share)
    for _ in range(DRAWS):
        weight = np.bincount(rng.integers(0, users, users), minlength=users)[who] * rows
        drawn = np.bincount(what, weight, len(share))
        yield wider * (drawn / drawn.sum() - share)


def unreachable_truth(coded: Coded) -> Outcome:
    """Relevant items that are not among their request's candidates: no system can find them.

    recall_bound, the mean over requests with truth of the share that can be reached, is the best recall of any system. A
    warning when it is below REACHED.
    """
    rows = np.flatnonzero(coded.positive)
    if not len(rows):
        return Outcome([], {})
    reached = among(coded.listed("truth")[rows], coded.listed("candidates"))
    request = coded.code("truth", "request_id")[rows]
    wanted = np.bincount(request)
    has_truth = wanted > 0
    bound = float((np.bincount(request, reached)[has_truth] / wanted[has_truth]).mean())
    lost = int((~reached).sum())
    facts = {"recall_bound": bound, "unreachable_truth": lost}
    if bound >= REACHED:
        return Outcome([], facts)
    finding = Finding(
        "unreachable_truth",
        "warning",
        english(
            "{number} of {number_all} relevant items are not among their request's candidates: no recall can exceed "
            "{number_most}",
            number=f"{lost:,}",
            number_all=f"{len(rows):,}",
            number_most=f"{bound:.3f}",
        ),
        lost,
        coded.examples("truth", rows[~reached]),
        english("draw candidates from more sources or more of each, or rank the whole catalogue"),
    )
    return Outcome([finding], facts)
