"""Whether a system may take another's place: not worse by more than a margin, one-sided at 5 %, clustered by user."""

from bisect import bisect_left
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

from assay.benchmark.board.comparison import LEVEL
from assay.benchmark.board.scoreboard import Scoreboard
from assay.errors import InputError
from assay.numerics import clusters
from assay.numerics import statistics as st
from assay.numerics.names import refuse_beyond

Verdict = Literal["pass", "worse", "undecided"]
POWER = 0.8
_MOST = 10**12  # requests, beyond which no number is named


@dataclass(frozen=True)
class Gate:
    """What was found of a system against another, by one measure.

    value, reference: means of the two over requests. difference: value - reference, with its clustered stderr; low, high: its
    one-sided 95 % bounds, each by itself (together a 90 % interval). differing: requests on which the two score differently.
    needed: requests that let a system as good as the other pass with 80 % power, at the spread observed; None where it is beyond
    any number. verdict: "pass", low is above -margin; "worse", high is below it; else "undecided".
    """

    system: str
    against: str
    measure: str
    margin: float
    requests: int
    users: int
    value: float
    reference: float
    difference: float
    stderr: float
    low: float
    high: float
    differing: int
    needed: int | None
    verdict: Verdict


def gate(board: Scoreboard, system: str, *, against: str, margin: float, measure: str | None = None) -> Gate:
    """A test that a system is not worse than another by more than a margin.

    Parameters
    ----------
    board : Scoreboard
        Scores of both on each request.
    system, against : str
        The new system, and the one whose place it would take.
    margin : float
        Above 0, in the measure's unit.
    measure : str, optional
        One of the board's; by default the first.

    Returns
    -------
    Gate
        The difference of the means over requests with its one-sided bounds (t, CR2 by user), and the verdict.

    Raises
    ------
    InputError
        Fewer than two users, a system or measure that the board does not have or that decides nothing (beyond accuracy), both
        systems the same, or a margin out of range.

    References
    ----------
    Schuirmann, "A comparison of the two one-sided tests procedure", 1987; Pustejovsky and Tipton, "Small-sample methods for
    cluster-robust variance estimation", JBES 2018.

    Examples
    --------
    >>> from assay.benchmark import gate
    >>> from assay.testing.benchmarks import make_benchmark
    >>> board = make_benchmark(60, systems=3).scores
    >>> gate(board, "system 2", against="system 1", margin=0.1).verdict
    'pass'
    """
    if not (np.isfinite(margin) and margin > 0):
        raise InputError(f"margin is {margin}; give one above 0, in the measure's unit")
    if system == against:
        raise InputError(f"{system!r} is compared with itself; name another to compare it with")
    name = board.measures[0] if measure is None else measure
    refuse_beyond(name)
    new, old = (board.of(name)[board.number(one)] for one in (system, against))
    stderr = float(np.sqrt((clusters.deviations(board.user, (new - old)[None]) ** 2).sum()))
    df = clusters.degrees_of_freedom(board.user)
    difference = float((new - old).mean())
    low, high = (float(end) for end in st.t_test(difference, stderr, df + 1, confidence=1 - 2 * LEVEL)[1:])
    verdict: Verdict = "pass" if low > -margin else "worse" if high < -margin else "undecided"
    return Gate(
        system, against, name, float(margin), len(new), board.users, float(new.mean()), float(old.mean()), difference, stderr,
        low, high, int(np.count_nonzero(new != old)), _needed(stderr, df, len(new), margin), verdict,
    )  # fmt: skip


def _needed(stderr: float, df: float, requests: int, margin: float) -> int | None:
    """Requests of which a true difference of 0 shows to be above -margin with 80 % power, spread and users a request as here."""

    def enough(number: int) -> bool:
        share = number / requests
        return st.minimal_detectable_difference(stderr / share**0.5, (df + 1) * share, alpha=2 * LEVEL, power=POWER) <= margin

    least = ceil(2 * requests / (df + 1))  # those of two users
    return None if not enough(_MOST) else bisect_left(range(least, _MOST), True, key=enough) + least
