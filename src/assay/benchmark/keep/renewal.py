"""When a kept benchmark should be renewed: how often it was consulted, and how far the traffic has moved away from it."""

from collections import Counter
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import pyarrow as pa
from scipy import stats

from assay.benchmark.audit.checks import share_distances
from assay.benchmark.board.comparison import LEVEL, compare
from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.keep.folder import Kept
from assay.language import english
from assay.numerics.statistics import holm

MOVED = 0.05  # total variation distance of an attribute's shares: less is no reason to renew


class Drift(TypedDict):
    """One attribute's row of share_distances, with p after Holm."""

    attribute: str
    levels: int
    distance: float
    low: float
    high: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class Status:
    """uses: how often by what. systems: how many different ones consulted it, source systems included. first, last: ISO times
    of the first and last use, or None. flattered: by how much the best of so many equal systems looks better than it is, on the
    measure decided on (None without scores). precision: the difference that the benchmark was built for, or else the smallest
    that it detects. drift: one row per attribute, or None. renew: reasons to renew
    it, in words; empty: it is good for more.
    """

    label: str
    uses: dict[str, int]
    systems: int
    first: str | None
    last: str | None
    flattered: float | None
    precision: float | None
    drift: list[Drift] | None
    renew: tuple[str, ...]


def status(kept: Kept, traffic: pa.Table | None = None) -> Status:
    """How a benchmark has been used, and whether to renew it.

    Renew when an attribute's shares have moved by more than .05, beyond chance (5 %, Holm over attributes), or when the choice
    among all systems that consulted it flatters the best by more than half of the precision: the largest of M equal scores lies
    about Phi^-1((M - 3/8) / (M + 1/4)) standard errors above the truth.

    Parameters
    ----------
    kept : Kept
        The frozen benchmark.
    traffic : pyarrow.Table, optional
        Attributes of requests as they come in now.

    Returns
    -------
    Status
        uses, systems, first and last use, flattered, precision, drift, and reasons to renew.

    Raises
    ------
    InputError
        Traffic without any of the requests' attributes.

    References
    ----------
    Blom, "Statistical estimates and transformed beta-variables", Wiley 1958.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.benchmarks import make_benchmark
    >>> kept = assay.freeze(make_benchmark(60), "shop-1")
    >>> assay.status(kept).uses
    {}
    """
    uses = kept.uses()
    scored = kept.results()
    names = {name for use in uses for name in use["systems"]} | set(scored.systems if scored else ())
    precision = kept.card.asked.get("difference") or kept.card.detectable
    flattered = _flattered(scored, kept.benchmark.measures[0], len(names))
    drift = None if traffic is None else _drift(kept, traffic)
    renew = []
    for line in drift or []:
        if line["p_holm"] < LEVEL and line["distance"] > MOVED:
            moved, share = line["attribute"], f"{line['distance']:.0%}"
            renew.append(english("{name} has moved: {number} of the requests are now of another kind", name=moved, number=share))
    if flattered is not None and precision is not None and flattered > precision / 2:
        renew.append(
            english(
                "{number} systems have been compared on it: by chance alone the best looks better by about {number_better}, more "
                "than half of the {number_apart} that it is to tell apart",
                number=len(names),
                number_better=f"{flattered:.4f}",
                number_apart=f"{precision:.4f}",
            )
        )
    times = [use["when"] for use in uses]
    return Status(
        kept.label, dict(Counter(use["what"] for use in uses)), len(names), min(times, default=None), max(times, default=None),
        flattered, precision, drift, tuple(renew),
    )  # fmt: skip


def _flattered(board: Scoreboard | None, measure: str, systems: int) -> float | None:
    """The expected largest error of so many equal systems, from the errors of the differences between those that are known."""
    if board is None or len(board.systems) < 2 or board.users < 2 or systems < 2:
        return None
    pairs = compare(board, [measure])
    error = float(np.median(pairs.column("stderr").to_numpy())) / np.sqrt(2.0)  # of one system, what all share taken away
    return float(error * stats.norm.ppf((systems - 0.375) / (systems + 0.25)))


def _drift(kept: Kept, traffic: pa.Table) -> list[Drift]:
    own = kept.benchmark
    requests = own.requests.select(["user_id", *own.attributes.column_names])  # without the design's weights
    rows = share_distances(requests, traffic).to_pylist()
    adjusted = holm([row["p"] for row in rows])
    drift: list[Drift] = [row | {"p_holm": float(p)} for row, p in zip(rows, adjusted, strict=True)]
    return drift
