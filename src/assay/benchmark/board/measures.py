"""Which measures to report and which one to decide on, from how they behave on the systems of a scoreboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from assay.benchmark.board.comparison import LEVEL, compare
from assay.benchmark.board.scoreboard import Scoreboard
from assay.errors import InputError
from assay.language import english
from assay.numerics import statistics as st
from assay.numerics.names import GRADED, RANKING, is_beyond, read, refuse_beyond
from assay.numerics.orders import tau_b
from assay.shown import html_table

Floats = NDArray[np.float64]

HALVES = 200  # random halves of the users
# Beyond this tau-b two measures order systems alike: one of them is enough.
SAME = 0.9
# Below this tau-b of disjoint halves a measure's order of the systems is mostly chance.
STABLE = 0.5
# Measures whose own choice of the best loses this little more than the surest one's, in spreads, are as sure.
SLACK = 0.05
# Measures at a threshold of which each is perfect for a system that gives one answer to all; never advised.
LOPSIDED = {"precision": english("no to nearly all"), "recall": english("yes to all")}

MEASURES = pa.schema(
    {
        "measure": pa.string(),
        "power": pa.float64(),
        "requests_needed": pa.float64(),
        "spread": pa.float64(),
        "stability": pa.float64(),
        "other_cuts": pa.float64(),
        "regret": pa.float64(),
        "regret_elsewhere": pa.float64(),
    }
)


@dataclass(frozen=True)
class MeasureChoice:
    """What `choose_measures` found. table: schema MEASURES, one row per measure.

    power: share of pairs of systems told apart at 5 % after Holm over the measure's pairs (discriminative power; Sakai,
    SIGIR 2006). requests_needed: how many requests like these tell the median pair apart with 80 % power at 5 %, one
    comparison alone; infinite when half of the pairs are equal. spread: standard deviation of the systems' means.
    stability: mean tau-b between the orders of the systems on two disjoint random halves of the users. other_cuts:
    lowest tau-b with the same measure at other cut-offs, null when there are none. regret: what the system that a redraw
    of the users puts first loses, on all users, to the best one, on average, in spreads. regret_elsewhere: the same loss
    in the other measures, each in its own spreads, on average; null for a single measure.

    agreement (M, M): tau-b of the systems' orders. regret (M, M): row decides, column counts the loss, in its spreads.
    decide: the measure to decide on. report: those to report, decide first. reasons: why, a sentence each.
    """

    table: pa.Table
    agreement: Floats
    regret: Floats
    decide: str
    report: tuple[str, ...]
    reasons: tuple[str, ...]

    def _repr_html_(self) -> str:
        """The table, and why, for a notebook."""
        above = f"decide on {self.decide}, report {', '.join(self.report)}. {' '.join(self.reasons)}"
        return html_table((line.values() for line in self.table.to_pylist()), self.table.column_names, above=above)


def choose_measures(
    board: Scoreboard, measures: Sequence[str] | None = None, *, resamples: int = 1000, seed: int = 7
) -> MeasureChoice:
    """Advice on which measures to report and which one to decide on, by how well they tell the board's systems apart.

    The measure to decide on tells most pairs of systems apart, among those whose own choice of the best system loses at most .05
    spreads more than the surest one's; equals go by requests needed. Where there are measures of ranked lists one of them
    decides; precision and recall at a threshold, without a cut-off, are never advised. To report with it: the steady measure
    (stability of .5 or more) that agrees with it least, and a third if its tau-b with both is below .9.

    Parameters
    ----------
    board : Scoreboard
        Scores of each system on each request.
    measures : sequence of str, optional
        By default all of the board's, but for those beyond accuracy, which say nothing of good or bad.
    resamples : int
        Draws of the users.
    seed : int
        Decides the draws.

    Returns
    -------
    MeasureChoice
        decide, report, reasons, and what they rest on.

    Raises
    ------
    InputError
        Fewer than three systems or two users, or a measure that has the same mean for all systems, or is one beyond accuracy.

    References
    ----------
    Sakai, "Evaluating evaluation metrics based on the bootstrap", SIGIR 2006.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.benchmarks import make_benchmark
    >>> choice = assay.choose_measures(make_benchmark(60, systems=4).scores, resamples=100)
    >>> choice.decide == choice.report[0]
    True
    """
    board.several(3)
    names = [name for name in board.measures if not is_beyond(name)] if measures is None else list(measures)
    for name in names:
        refuse_beyond(name)
    means = np.stack([board.means(name) for name in names])
    spread = means.std(axis=1, ddof=1)
    for name, flat in zip(names, np.ptp(means, axis=1) == 0, strict=True):
        if flat:
            raise InputError(f"{name} is the same for all systems: it tells nothing apart; leave it out, or check the runs")
    agreement = np.stack([_tau(means, one) for one in means])
    regret = _regret(board, names, means, spread, resamples, seed)
    M = len(names)
    elsewhere = (regret.sum(axis=1) - np.diag(regret)) / (M - 1) if M > 1 else np.full(1, np.nan)
    lines = [
        {
            "measure": name,
            **_telling_apart(board, name),
            "spread": spread[m],
            "stability": _stability(board, name, seed),
            "other_cuts": min((agreement[m, o] for o in range(M) if o != m and _base(names[o]) == _base(name)), default=None),
            "regret": regret[m, m],
            "regret_elsewhere": elsewhere[m] if M > 1 else None,
        }
        for m, name in enumerate(names)
    ]
    table = pa.Table.from_pylist(lines, schema=MEASURES)
    power, needed, stability = (table.column(column).to_numpy() for column in ("power", "requests_needed", "stability"))
    own, able = np.diag(regret), _able(names)
    sure = [m for m in able if own[m] <= own[able].min() + SLACK]
    chosen = [min(sure, key=lambda m: (-power[m], needed[m], m))]
    for limit in (np.inf, SAME):
        rest = [m for m in range(M) if stability[m] >= STABLE and agreement[m, chosen].max() < limit and m not in chosen]
        rest = [m for m in rest if names[m] not in LOPSIDED]
        if rest:
            chosen.append(min(rest, key=lambda m: (agreement[m, chosen].max(), -power[m], needed[m], m)))
    report = tuple(names[m] for m in chosen)
    return MeasureChoice(table, agreement, regret, report[0], report, _reasons(names, chosen, table, agreement, regret))


def refuse_sampled(measure: str, sampled: int, catalogue: int) -> None:
    """InputError when a ranking measure is asked for on sampled candidates; nothing otherwise.

    sampled: negatives drawn per request; catalogue: items that would be ranked. With fewer, a measure of the first k depends
    on the sample's size and can order systems the other way round, even on average (Krichene and Rendle, KDD 2020). It
    cannot be corrected for: whatever one counts for a sampled rank, its expectation is a polynomial of degree `sampled` in
    the true rank, and a cut at k is none. AUC, a mean over pairs, is unharmed.
    """
    name = read(measure)
    if sampled >= catalogue - 1 or name is None or name.base not in (*RANKING, *GRADED):
        return
    k = name.cut
    rank = min(10 * k, catalogue)
    chance = stats.binom.cdf(k - 1, sampled, (rank - 1) / (catalogue - 1))
    raise InputError(
        f"{measure} on {sampled:,} sampled candidates of {catalogue:,}: an item of true rank {rank:,} would be taken for one "
        f"of the first {k:,} with probability {chance:.2f}, and systems can change places; rank all items, or use auc"
    )


def _tau(a: Floats, b: Floats) -> Floats:
    """Kendall's tau-b (R,) of rows; 0 where one of them does not vary."""
    return np.nan_to_num(tau_b(a, b))


def _base(name: str) -> str:
    """What measures of other cut-offs share; one without a cut-off shares it with none."""
    base, at, _ = name.partition("@")
    return base + at


def _able(names: Sequence[str]) -> list[int]:
    """Which measures may be decided on: those of ranked lists, where there are any, for lists are what is served."""
    ranked = [m for m, name in enumerate(names) if "@" in name]
    return ranked or [m for m, name in enumerate(names) if name not in LOPSIDED] or list(range(len(names)))


def _telling_apart(board: Scoreboard, measure: str) -> dict[str, float]:
    pairs = compare(board, [measure])
    p, difference, detectable = (pairs.column(name).to_numpy() for name in ("p_holm", "difference", "detectable"))
    times = np.full(len(difference), np.inf)
    np.divide(detectable, np.abs(difference), out=times, where=difference != 0)
    return {"power": float(np.mean(p < LEVEL)), "requests_needed": float(np.median(times**2) * len(board.request))}


def _mean_statistic(board: Scoreboard, measure: str) -> st.Means:
    return st.mean_statistic(board.user, board.of(measure).T, board.users)


def _stability(board: Scoreboard, measure: str, seed: int) -> float:
    rng, users = np.random.default_rng([seed, 1]), board.users
    half = np.zeros((HALVES, users))
    for one in half:
        one[rng.permutation(users)[: users // 2]] = 1
    statistic = _mean_statistic(board, measure)
    return float(_tau(statistic(half), statistic(1 - half)).mean())


def _regret(board: Scoreboard, names: Sequence[str], means: Floats, spread: Floats, resamples: int, seed: int) -> Floats:
    """(M, M): loss in measure column of the system that measure row puts first, mean over the same redraws, in spreads."""
    loss = (means.max(axis=1, keepdims=True) - means) / spread[:, None]
    regret = np.empty((len(names), len(names)))
    for m, name in enumerate(names):
        rng = np.random.default_rng([seed, 2])
        drawn = st.resample(_mean_statistic(board, name), board.users, resamples=resamples, rng=rng)
        regret[m] = loss[:, drawn.argmax(axis=1)].mean(axis=1)
    return regret


def _reasons(
    names: Sequence[str], chosen: Sequence[int], table: pa.Table, agreement: Floats, regret: Floats
) -> tuple[str, ...]:  # fmt: skip
    first = chosen[0]
    rows = table.to_pylist()
    needed = rows[first]["requests_needed"]
    able = _able(names)
    most, worst = (max(rows[m][column] for m in able) for column in ("power", "regret"))
    said = [
        english(
            "Decide on {name}. It tells {number} % of the pairs of systems apart; the best measure tells {number_best} %. "
            "In another draw of users, the system that it puts first is behind the best one by {number_behind} standard "
            "deviations of the systems' means on average; by the worst measure, {number_worst}.",
            name=names[first],
            number=f"{100 * rows[first]['power']:.0f}",
            number_best=f"{100 * most:.0f}",
            number_behind=f"{regret[first, first]:.3f}",
            number_worst=f"{worst:.3f}",
        )
    ]
    if np.isfinite(needed):
        told = f"{np.ceil(needed):,.0f}"
        said.append(english("With it {number} requests like these tell the median pair apart (80 % power).", number=told))
    for m in chosen[1:]:
        tau, half = agreement[m, first], rows[m]["stability"]
        if tau < SAME:
            why = english(
                "it orders the systems otherwise (tau-b {number}) and steadily (tau-b {number_half} between halves of the users)",
                number=f"{tau:.2f}",
                number_half=f"{half:.2f}",
            )
        else:
            why = english(
                "of the steady ones it agrees least, though its order is nearly the same (tau-b {number}); one would do",
                number=f"{tau:.2f}",
            )
        said.append(english("Report {name} beside it: {why}.", name=names[m], why=why))
    for m in range(len(names)):
        if m in chosen:
            continue
        if names[m] in LOPSIDED:
            why = english("at a threshold it is won by saying {what}; f1 weighs both sides", what=LOPSIDED[names[m]])
            said.append(english("Leave out {name}: {why}.", name=names[m], why=why))
            continue
        near = chosen[int(np.argmax(agreement[m, list(chosen)]))]
        why = english("it says what {name} says (tau-b {number})", name=names[near], number=f"{agreement[m, near]:.2f}")
        if agreement[m, near] < SAME:
            why = english("{number} are enough", number=len(chosen))
            if (half := rows[m]["stability"]) < STABLE:
                told = f"{half:.2f}"
                why = english("its order of the systems is not steady (tau-b {number} between halves of the users)", number=told)
        said.append(english("Leave out {name}: {why}.", name=names[m], why=why))
    for a, b in combinations(range(len(names)), 2):
        if _base(names[a]) == _base(names[b]) and agreement[a, b] < SAME:
            cut = english(
                "The cut-off matters: {name} and {name_other} order the systems unlike (tau-b {number}).",
                name=names[a],
                name_other=names[b],
                number=f"{agreement[a, b]:.2f}",
            )
            said.append(cut)
    return tuple(said)
