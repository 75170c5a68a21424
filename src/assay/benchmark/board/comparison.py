"""Which of several systems is better: paired tests over requests that come in users, groups of requests, a leader board."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.benchmark.board.scoreboard import Scoreboard
from assay.errors import InputError, did_you_mean
from assay.numerics import clusters
from assay.numerics import statistics as st
from assay.numerics.measures import bounds, within
from assay.numerics.names import is_of_all_lists, refuse_beyond

Floats = NDArray[np.float64]

TESTS = ("t", "randomisation")
LEVEL = 0.05
DRAWS = 10_000

COMPARISONS = pa.schema(
    {
        "measure": pa.string(),
        "a": pa.string(),
        "b": pa.string(),
        "requests": pa.int64(),
        "users": pa.int64(),
        "difference": pa.float64(),
        "stderr": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "p": pa.float64(),
        "p_holm": pa.float64(),
        "effect": pa.float64(),
        "detectable": pa.float64(),
    }
)
BOARD = pa.schema(
    {
        "tier": pa.int64(),
        "system": pa.string(),
        "family": pa.string(),
        "value": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "behind": pa.float64(),
        "p_holm": pa.float64(),
    }
)


def compare(
    board: Scoreboard,
    measures: Sequence[str] | None = None,
    *,
    against: str | None = None,
    test: str = "t",
    draws: int = DRAWS,
    seed: int = 7,
) -> pa.Table:
    """Differences of every pair of systems, or of every system from one, tested.

    Parameters
    ----------
    board : Scoreboard
        Scores of each system on each request.
    measures : sequence of str, optional
        By default all of the board's.
    against : str, optional
        A system: it is a, and every other is b. By default each pair in the board's order.
    test : str
        "t", clustered by user (CR2, with Bell and McCaffrey's degrees of freedom); or "randomisation", swaps of the two systems
        on whole users.
    draws : int
        Swaps, for "randomisation".
    seed : int
        Decides the swaps.

    Returns
    -------
    pyarrow.Table
        One row per measure and pair: measure, a, b, requests, users; difference (mean of b minus mean of a over requests, in the
        measure's unit), stderr, low and high (95 % interval of t); p (two-sided), p_holm (Holm over all rows), effect (Cohen's d
        of users, infinite without spread), detectable (the smallest true difference that this test finds with 80 % power at 5 %,
        one comparison alone).

    Raises
    ------
    InputError
        Fewer than two systems or users, or a measure or system that the board does not have.

    References
    ----------
    Pustejovsky and Tipton, "Small-sample methods for cluster-robust variance estimation", JBES 2018.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.benchmarks import make_benchmark
    >>> board = make_benchmark(60, systems=3).scores
    >>> table = assay.compare(board, ["ndcg@10"])
    >>> list(zip(table.column("a").to_pylist(), table.column("b").to_pylist()))
    [('system 0', 'system 1'), ('system 0', 'system 2'), ('system 1', 'system 2')]
    """
    pairs = _pairs(board.several(), against)
    names = list(board.measures if measures is None else measures)
    _check_test(test, draws, len(pairs) * len(names))
    lines = [line for name in names for line in _lines(board, name, pairs, test, draws, seed)]
    return pa.Table.from_pylist(_with_holm(lines), schema=COMPARISONS)


def compare_groups(
    board: Scoreboard,
    column: str,
    measures: Sequence[str] | None = None,
    *,
    against: str | None = None,
    test: str = "t",
    draws: int = DRAWS,
    seed: int = 7,
) -> pa.Table:
    """`compare` within each group of the requests, Holm over all rows.

    Parameters
    ----------
    board : Scoreboard
        Scores of each system on each request.
    column : str
        A name in board.attributes; its null forms the group null.
    measures, against, test, draws, seed
        As in `compare`.

    Returns
    -------
    pyarrow.Table
        A column `group`, then those of `compare`. A group of fewer than two users has no test: only difference, requests and
        users are known there.

    Raises
    ------
    InputError
        As in `compare`; or no such attribute; or a measure of all lists together (coverage, Gini, popularity lift), which a
        group's requests do not have. By default these are left out.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.benchmarks import make_benchmark
    >>> board = make_benchmark(60, systems=2).scores
    >>> table = assay.compare_groups(board, "device", ["ndcg@10"])
    >>> table.column_names[:4], "phone" in table.column("group").to_pylist()
    (['group', 'measure', 'a', 'b'], True)
    """
    pairs = _pairs(board.several(), against)
    names = [name for name in board.measures if not is_of_all_lists(name)] if measures is None else list(measures)
    for name in filter(is_of_all_lists, names):
        raise InputError(f"{name} of a group is no mean of its requests: score the group's requests as truth of their own")
    parts = list(groups(board, column))
    _check_test(test, draws, len(pairs) * len(names) * len(parts))
    lines = []
    for label, part in parts:
        for name in names:
            for line in _lines(part, name, pairs, test, draws, seed):
                lines.append({"group": label, **line})
    schema = pa.schema([pa.field("group", pa.string()), *COMPARISONS])
    return pa.Table.from_pylist(_with_holm(lines), schema=schema)


def leader_board(board: Scoreboard, measure: str, *, test: str = "t", draws: int = DRAWS, seed: int = 7) -> pa.Table:
    """Systems in tiers that cannot be told apart, best first.

    The best system opens tier 1; every system that is not significantly worse than it (5 %, Holm over all pairs of the board)
    joins. The best of the rest opens tier 2, and so on. So two systems of one tier may differ from one another, and a system of a
    tier may not differ from one of the next: only "worse than the one that opened the tier above" is claimed. Equal means are in
    order of name.

    Parameters
    ----------
    board : Scoreboard
        Scores of each system on each request.
    measure : str
        One of the board's.
    test, draws, seed
        As in `compare`.

    Returns
    -------
    pyarrow.Table
        tier (from 1), system, family; value, low, high (mean over requests, 95 % interval clustered by user); behind (value minus
        that of the system that opened the tier, 0 or less) and its p_holm (null for the opener).

    Raises
    ------
    InputError
        As in `compare`; or a measure beyond accuracy, which puts no system above another.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.benchmarks import make_benchmark
    >>> table = assay.leader_board(make_benchmark(60, systems=3).scores, "ndcg@10")
    >>> table.column("tier").to_pylist()[0], table.column("behind").to_pylist()[0]
    (1, 0.0)
    """
    refuse_beyond(measure)
    values, names = board.several().means(measure), board.systems
    p_of = {(line["a"], line["b"]): line["p_holm"] for line in compare(
        board, [measure], test=test, draws=draws, seed=seed).to_pylist()}  # fmt: skip
    low, high = mean_intervals(board, measure)
    left = sorted(range(len(names)), key=lambda s: (-values[s], names[s]))
    lines: list[dict[str, Any]] = []
    tier = 0
    while left:
        tier, best, rest = tier + 1, left[0], []
        for s in left:
            p = None if s == best else p_of.get((names[best], names[s]), p_of.get((names[s], names[best])))
            if p is not None and p < LEVEL:
                rest.append(s)
                continue
            line = {"tier": tier, "system": names[s], "family": board.families[s], "value": values[s]}
            lines.append({**line, "low": low[s], "high": high[s], "behind": values[s] - values[best], "p_holm": p})
        left = rest
    return pa.Table.from_pylist(lines, schema=BOARD)


def values_of(board: Scoreboard, measure: str) -> pa.Table:
    """system, value, low, high (mean over requests, 95 % interval clustered by user), in the board's order: no one is best."""
    low, high = mean_intervals(board, measure)
    return pa.table({"system": board.systems, "value": board.means(measure), "low": low, "high": high})


def mean_intervals(board: Scoreboard, measure: str) -> tuple[Floats, Floats]:
    """low and high (S,): 95 % intervals of the systems' means, clustered by user. InputError: fewer than two users."""
    error = np.sqrt((clusters.deviations(board.user, board.of(measure)) ** 2).sum(axis=1))
    means = board.means(measure)
    _, low, high = st.t_test(means, error, clusters.degrees_of_freedom(board.user) + 1)
    return _kept_within(board, measure, means, low, high)


def _kept_within(
    board: Scoreboard, measure: str, value: Any, low: Any, high: Any, *, difference: bool = False
) -> tuple[Any, Any]:
    """Ends of intervals kept where the measure can lie, unless the board's own scores leave it: then its unit is another."""
    scores, (least, most) = board.of(measure), bounds(measure)
    if scores.min() < least or scores.max() > most:
        return low, high
    return within(measure, value, low, high, difference=difference)


def p_values(
    values: Floats, user: NDArray[np.int64], a: NDArray[np.int64], b: NDArray[np.int64], *, test: str, draws: int, seed: int
) -> tuple[Floats, ...]:
    """difference, stderr, low, high, p (P,) of pairs of rows a, b (P,) of values (S, R); see compare."""
    error = clusters.deviations(user, values)
    # Pair by pair: the difference of the sums of squares would lose small errors to rounding.
    stderr = np.array([np.sqrt(np.sum((error[j] - error[i]) ** 2)) for i, j in zip(a, b, strict=True)])
    mean = values.mean(axis=1)
    difference = mean[b] - mean[a]
    p, low, high = st.t_test(difference, stderr, clusters.degrees_of_freedom(user) + 1)
    if test == "randomisation":
        p = _randomisation(clusters.cluster_sums(user, values - values.mean(axis=0)), a, b, draws, seed)
    return difference, stderr, low, high, p


def _randomisation(sums: Floats, a: NDArray[np.int64], b: NDArray[np.int64], draws: int, seed: int) -> Floats:
    total, drawn = sums.sum(axis=1), clusters.swapped(sums, draws, seed)
    rounding = 1e-12 * np.abs(sums).sum()
    reached = [
        np.sum(np.abs(drawn[:, j] - drawn[:, i]) >= abs(total[j] - total[i]) - rounding) for i, j in zip(a, b, strict=True)
    ]
    return (1.0 + np.array(reached)) / (1.0 + draws)


def _lines(
    board: Scoreboard, measure: str, pairs: Sequence[tuple[int, int]], test: str, draws: int, seed: int
) -> Iterator[dict[str, Any]]:
    """One comparison per pair, p_holm still missing."""
    values, users = board.of(measure), board.users
    a, b = np.array([i for i, _ in pairs]), np.array([j for _, j in pairs])
    if users < 2:
        nothing = np.full(len(pairs), np.nan)
        figures: tuple[Floats, ...] = (values.mean(axis=1)[b] - values.mean(axis=1)[a], *[nothing] * 4)
    else:
        figures = p_values(values, board.user, a, b, test=test, draws=draws, seed=seed)
        df = clusters.degrees_of_freedom(board.user)
    for (i, j), difference, stderr, low, high, p in zip(pairs, *(column.tolist() for column in figures), strict=True):
        low, high = _kept_within(board, measure, difference, low, high, difference=True)
        line = {
            "measure": measure,
            "a": board.systems[i],
            "b": board.systems[j],
            "requests": len(board.request),
            "users": users,
            "difference": difference,
        }
        if users >= 2:
            line |= {"stderr": stderr, "low": low, "high": high, "p": p}
            line["effect"] = st.cohens_d_from_error(difference, stderr, users)
            line["detectable"] = st.minimal_detectable_difference(stderr, df + 1)
        yield line


def _with_holm(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    adjusted = st.holm([line.get("p", np.nan) for line in lines])
    return [{**line, "p_holm": None if np.isnan(p) else float(p)} for line, p in zip(lines, adjusted, strict=True)]


def _pairs(board: Scoreboard, against: str | None) -> list[tuple[int, int]]:
    if against is None:
        return list(combinations(range(len(board.systems)), 2))
    base = board.number(against)
    return [(base, s) for s in range(len(board.systems)) if s != base]


def _check_test(test: str, draws: int, comparisons: int) -> None:
    if test not in TESTS:
        raise InputError(f"test is {test!r}; give one of {', '.join(TESTS)}")
    if test == "randomisation" and comparisons / (draws + 1) >= LEVEL:
        least = int(np.ceil(comparisons / LEVEL))
        raise InputError(
            f"{draws} draws cannot show any of {comparisons} comparisons after Holm; give {least:,} draws or more, or fewer pairs"
        )


def groups(board: Scoreboard, column: str) -> Iterator[tuple[str | None, Scoreboard]]:
    """Each group's label, as text, and its requests; by label, null last."""
    if column not in board.attributes:
        hint = did_you_mean(column, board.attributes) or f"; there are {', '.join(board.attributes) or 'none'}"
        raise InputError(f"{column!r} is no attribute of the requests{hint}")
    labels = board.attributes[column].cast(pa.string())
    for label in sorted(labels.drop_null().unique().to_pylist()):
        yield label, board.take_requests(pc.equal(labels, label).fill_null(False).to_numpy(zero_copy_only=False))
    if labels.null_count:
        yield None, board.take_requests(labels.is_null().to_numpy(zero_copy_only=False))
