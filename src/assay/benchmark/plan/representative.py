"""A test set that mirrors the traffic: requests drawn with known chances, balanced on what is known of them.

Raking weighs the pool so that it has the traffic's shares of every attribute; the cube method draws from it so that the
chosen have them as well, up to whole requests. Deville and Tillé, "Efficient balanced sampling: the cube method"
(Biometrika 2004); the interval: "Variance approximation under balanced sampling" (Journal of Statistical Planning and
Inference 2005).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike
from scipy import stats

from assay.benchmark.attributes import KEYS, Floats, Ints, RequestAttribute, attribute
from assay.benchmark.compact.designs import measured
from assay.errors import InputError, did_you_mean
from assay.language import english
from assay.numerics.cube import cube
from assay.numerics.hashing import hash_ids, mix
from assay.numerics.raking import margins, rake
from assay.numerics.survey import inclusion
from assay.shown import html_table

# Share of the traffic that the pool may lack, or miss a level's share by, before it is an error, or is told.
NEGLIGIBLE = 0.001
# Chosen requests for each column that an interval is explained by: with fewer a regression cannot tell its own error.
_EACH = 3

SHARES = pa.schema(
    {
        "attribute": pa.string(),
        "level": pa.string(),
        "traffic": pa.float64(),
        "pool": pa.float64(),
        "chosen": pa.float64(),
    }
)


class Coverage(NamedTuple):
    """How many kinds of requests the chosen show.

    kinds: levels of an attribute, and pairs of levels of two, of which at least one request is to be expected. chosen: the
    share of them that occur; simple: the share that a simple random draw of that size from the pool would show on average.
    """

    kinds: int
    chosen: float
    simple: float


@dataclass(frozen=True)
class Chosen:
    """Requests that stand for the traffic, n of a pool of N.

    rows (n,): their positions in the pool, in order of request id; inclusion (n,): each one's chance of being drawn; weight
    (n,): sums to 1, so that weight @ scores estimates the mean over the traffic. shares: schema SHARES, one row per attribute
    and level; a null level is null, what is drawn counts by weight. unmatched: in words, where the pool cannot mirror the
    traffic. coverage: how many kinds occur. features (n, p): the columns balanced on, 1 and then levels, the most frequent
    first; mean (p,): theirs over the traffic.
    """

    rows: Ints
    inclusion: Floats
    weight: Floats
    shares: pa.Table
    unmatched: tuple[str, ...]
    coverage: Coverage
    features: Floats
    mean: Floats

    def _repr_html_(self) -> str:
        """The shares of the traffic, the pool and the chosen, for a notebook."""
        above = f"{len(self):,} requests chosen. {' '.join(self.unmatched)}"
        return html_table((line.values() for line in self.shares.to_pylist()), self.shares.column_names, above=above)

    def __len__(self) -> int:
        return len(self.rows)


class WeightedMean(NamedTuple):
    """value: the estimate of the mean over the traffic; low, high: its 95 % interval, NaN where n tells no error."""

    value: float
    low: float
    high: float


def represent(
    pool: pa.Table,
    size: int,
    *,
    traffic: pa.Table | None = None,
    attributes: Sequence[str] | None = None,
    seed: int = 0,
) -> Chosen:
    """Requests of a pool, chosen so that they mirror the traffic.

    With the pool as its own traffic every request has the chance size / N and the chosen weigh the same. With another, the chance
    is in proportion to the raked weight, and the few that would be above 1 are drawn for certain and weigh more. A level of less
    than a thousandth of the traffic that no request of the pool has is left out, and told. The draw is made from hashes of the
    request ids and the seed: the same for any order of the rows.

    Parameters
    ----------
    pool : pyarrow.Table
        request_id (integers or text, each once), perhaps user_id, and attributes; numbers are cut into levels.
    size : int
        From 1 to N.
    traffic : pyarrow.Table, optional
        Requests as they come in, with the same attributes; by default the pool itself.
    attributes : sequence of str, optional
        Names; by default all columns but keys that both tables have. With none it is a simple random draw.
    seed : int
        Decides the draw.

    Returns
    -------
    Chosen
        rows (n,): places in the pool; inclusion, weight (sums to 1), shares by attribute and level, unmatched.

    Raises
    ------
    InputError
        An empty table, a request id missing or twice, a size below 1 or above N (or above the requests of the pool that are like
        the traffic), an attribute not in both tables or of a type that cannot be cut, a level of the traffic that no request of
        the pool has.

    References
    ----------
    Deville and Tillé, "Efficient balanced sampling: the cube method", Biometrika 2004. Deming and Stephan, "On a least squares
    adjustment of a sampled frequency table", 1940, for raking.

    Examples
    --------
    >>> import pyarrow as pa
    >>> import assay
    >>> pool = pa.table({"request_id": range(100), "device": ["phone", "desk"] * 50})
    >>> chosen = assay.represent(pool, 10)
    >>> pool.take(chosen.rows).column("device").to_pylist().count("phone")
    5
    """
    traffic = pool if traffic is None else traffic
    names, unmatched = _names(pool, traffic, attributes)
    ids = _ids(pool)
    _check_size(size, len(ids))
    order = pc.sort_indices(ids)
    # From here on requests are in order of id: sums are the same to the bit for any order of the rows.
    ids, columns = ids.take(order), [(pool.column(name).take(order), traffic.column(name)) for name in names]
    balanced = [attribute(name, *both) for name, both in zip(names, columns, strict=True)]
    weight = _mirror(balanced, len(ids), unmatched)
    if size > (able := np.count_nonzero(weight)):
        raise InputError(f"size is {size}, but only {able} of the pool's {len(ids)} requests are like the traffic's; give less")
    chance = inclusion(weight, size)
    balance = _columns(balanced, weight)
    drawn = np.flatnonzero(cube(balance, chance, mix(hash_ids(ids), seed)))
    design = weight[drawn] / chance[drawn]
    return Chosen(
        order.to_numpy()[drawn], chance[drawn], design, _shares(balanced, drawn, design), tuple(unmatched),
        _coverage(balanced, weight, drawn), np.insert(balance[drawn] > 0, 0, 1.0, axis=1), np.insert(balance.sum(axis=0), 0, 1.0),
    )  # fmt: skip


def weighted_mean(chosen: Chosen, scores: ArrayLike) -> WeightedMean:
    """The mean over the traffic of scores (n,), in the order of chosen.rows, with a 95 % interval for the chance of the draw.

    The variance is that of the residuals of the scores on the columns balanced on, as many as n allows (Deville and Tillé
    2005), so that what the attributes explain is no error; to it comes the square of what the chosen's known remaining
    imbalance makes of the scores. Student's t. The interval is for the mean over the pool as weighted: that the pool itself
    is but one log is not in it. NaN for one request alone. InputError: another number of scores, NaN.
    """
    y = measured(scores, len(chosen))
    value = float(chosen.weight @ y)
    free = chosen.inclusion < 1
    n = int(free.sum())
    if n == 0:
        return WeightedMean(value, value, value)
    features = chosen.features[:, : max(n // _EACH, 1)]
    imbalance = chosen.weight @ features - chosen.mean[: features.shape[1]]
    root = (np.sqrt(1 - chosen.inclusion) * chosen.weight)[free]
    slope, _, rank, _ = np.linalg.lstsq(root[:, None] * features[free], root * y[free], rcond=None)
    if n == rank:
        return WeightedMean(value, np.nan, np.nan)
    residual = root * (y[free] - features[free] @ slope)
    error = np.sqrt(n / (n - rank) * (residual @ residual) + (imbalance @ slope) ** 2)
    reach = float(stats.t.ppf(0.975, n - rank) * error)
    return WeightedMean(value, value - reach, value + reach)


def _names(pool: pa.Table, traffic: pa.Table, attributes: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Names of the attributes, and in words those of the pool that the traffic does not have."""
    for table, where in ((pool, "pool"), (traffic, "traffic")):
        if not table.num_rows:
            raise InputError(f"the {where} is empty; give at least one request")
        for name in attributes or ():
            if name not in table.column_names:
                raise InputError(f"the {where} has no attribute {name!r}{did_you_mean(name, table.column_names)}")
    if attributes is not None:
        return list(dict.fromkeys(attributes)), []
    own = [name for name in pool.column_names if name not in KEYS]
    both = [name for name in own if name in traffic.column_names]
    if own and not both:
        raise InputError(f"the traffic has none of the pool's attributes {', '.join(own)}; give them the same names in both")
    return both, [english("{name} is not known of the traffic: not balanced on", name=name) for name in own if name not in both]


def _ids(pool: pa.Table) -> pa.ChunkedArray:
    """The pool's request ids, integers or text."""
    if "request_id" not in pool.column_names:
        raise InputError(f"the pool has no column request_id{did_you_mean('request_id', pool.column_names)}")
    ids = pool.column("request_id")
    if not pa.types.is_integer(ids.type):
        ids = ids.cast(pa.large_string())
    if ids.null_count:
        raise InputError(f"{ids.null_count} request ids of the pool are null; give every request its own")
    if len(ids.unique()) < len(ids):
        twice = next(one["values"] for one in ids.value_counts().to_pylist() if one["counts"] > 1)
        raise InputError(f"request {twice!r} is in the pool twice; give every request one row")
    return ids


def _check_size(size: int, N: int) -> None:
    if int(size) != size or size < 1:
        raise InputError(f"size is {size}; give a whole number of requests, 1 or more")
    if size > N:
        raise InputError(f"size is {size}, but the pool has {N} requests; give {N} at most")


def _mirror(attributes: list[RequestAttribute], N: int, unmatched: list[str]) -> Floats:
    """Weights (N,) of the pool that give it the traffic's shares; what stays unmatched is added in words."""
    targets = []
    for one in attributes:
        held = one.shares
        for level in np.flatnonzero((one.traffic > 0) & (held == 0)).tolist():
            said = f"{one.label(level)}, {one.traffic[level]:.2%}"
            if one.traffic[level] >= NEGLIGIBLE:
                raise InputError(
                    f"{said} of the traffic, has no request in the pool: the log cannot mirror it; widen the pool, merge levels "
                    f"or leave {one.name!r} out"
                )
            unmatched.append(english("{name} of the traffic, has no request in the pool: left out", name=said))
        unmatched += [
            english(
                "{name}, {number} of the pool, is not in the traffic: never chosen",
                name=one.label(level),
                number=f"{held[level]:.2%}",
            )
            for level in np.flatnonzero(one.traffic == 0).tolist()
        ]
        target = np.where(held > 0, one.traffic, 0.0)
        targets.append(target / target.sum())
    levels = [one.pool for one in attributes]
    weight = rake(levels, targets, np.ones(N))
    for one, target, reached in zip(attributes, targets, margins(levels, targets, weight), strict=True):
        unmatched += [
            english(
                "{name} is {number} of the traffic; the pool can be weighted to {number_reached} only",
                name=one.label(level),
                number=f"{target[level]:.2%}",
                number_reached=f"{reached[level]:.2%}",
            )
            for level in np.flatnonzero(np.abs(reached - target) > NEGLIGIBLE).tolist()
        ]
    return weight


def _columns(attributes: list[RequestAttribute], weight: Floats) -> Floats:
    """What is balanced (N, p): the weights of each level's requests, the most frequent level of the traffic first."""
    shown = [(a, level) for a, one in enumerate(attributes) for level in np.flatnonzero(one.traffic > 0)]
    shown.sort(key=lambda key: -attributes[key[0]].traffic[key[1]])
    columns = np.empty((len(weight), len(shown)))
    for j, (a, level) in enumerate(shown):
        np.multiply(attributes[a].pool == level, weight, out=columns[:, j])
    return columns


def _shares(attributes: list[RequestAttribute], drawn: Ints, weight: Floats) -> pa.Table:
    rows = [
        dict(zip(SHARES.names, (one.name, level, *figures), strict=True))
        for one in attributes
        for level, *figures in zip(
            one.levels, one.traffic, one.shares, np.bincount(one.pool[drawn], weight, len(one.levels)), strict=True
        )
    ]
    return pa.Table.from_pylist(rows, schema=SHARES)


def _coverage(attributes: list[RequestAttribute], weight: Floats, drawn: Ints) -> Coverage:
    """Of the levels and pairs of levels that at least one of so many requests of the traffic has."""
    kinds = [one.pool for one in attributes]
    kinds += [a.pool * len(b.levels) + b.pool for a, b in combinations(attributes, 2)]
    N, n = len(weight), len(drawn)
    shown, absent = [], []
    for kind in kinds:
        expected = np.flatnonzero(n * np.bincount(kind, weight) >= 1 - 1e-9)
        shown.append(np.isin(expected, kind[drawn]))
        absent.append(stats.hypergeom.pmf(0, N, np.bincount(kind)[expected], n))
    if not any(map(len, shown)):
        return Coverage(0, 1.0, 1.0)
    return Coverage(
        sum(map(len, shown)), float(np.mean(np.concatenate(shown))), 1 - float(np.mean(np.concatenate(absent)))
    )  # fmt: skip
