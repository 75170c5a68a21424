"""Differences of two models window by window: what is sure over users may still be the luck of a week."""

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from assay.evaluation.claims import DECIDES_RANKED, decides
from assay.numerics.families import Vector

FEWEST = 3  # windows that a choice takes
_PARTS = 4  # of time, where there are fewer periods


class Clustered(TypedDict):
    """A mean with its 95 % interval, and p of no difference."""

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Rows:
    """Rows (n,) of one measure: what each adds to the difference, how much it weighs, whose it is, and its window."""

    difference: Vector
    weight: Vector
    user: NDArray[np.integer]
    window: NDArray[np.integer]

    def mean(self) -> Clustered:
        """The difference of means, with an error that counts users and windows as drawn by chance.

        The variance is that of users plus that of windows minus that of users in windows (Cameron, Gelbach and Miller, "Robust
        inference with multiway clustering", JBES 2011), each with the factor G / (G - 1) for its G clusters, at least that of
        users. t has one degree less than there are users: the paper's choice, one less than windows, would with four windows hide
        a planted defect that every window shows. So no window may be worse beyond chance either (`by_window`).
        """
        total = self.weight.sum()
        value = float(self.weight @ self.difference / total)
        error = self.weight * (self.difference - value) / total
        both = self.user.astype(np.int64) * (int(self.window.max()) + 1) + self.window
        of_users, of_windows, of_both = (_variance(error, cluster) for cluster in (self.user, self.window, both))
        stderr = float(np.sqrt(max(of_users + of_windows - of_both, of_users)))
        return _interval(value, stderr, len(np.unique(self.user)) - 1)

    def by_window(self) -> list[Clustered]:
        """The difference in each window, with its error over users."""
        out = []
        for window in np.unique(self.window):
            rows = self.window == window
            total = self.weight[rows].sum()
            value = float(self.weight[rows] @ self.difference[rows] / total)
            error = self.weight[rows] * (self.difference[rows] - value) / total
            users = len(np.unique(self.user[rows]))
            out.append(_interval(value, float(np.sqrt(_variance(error, self.user[rows]))), users - 1))
        return out


def cuts(period: NDArray[np.integer], instant: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Instants at which windows of time begin, after the first, where rows (n,) are of fewer periods than a choice takes.

    Four windows of equally many different instants; None where periods are the windows, as there are enough of them or their rows
    are of one instant each.
    """
    each = np.unique(instant)
    few = len(np.unique(period)) < FEWEST <= _PARTS <= len(each) - len(np.unique(period)) + 1
    return each[np.arange(1, _PARTS) * len(each) // _PARTS] if few else None


def _variance(error: Vector, cluster: NDArray[np.integer]) -> float:
    _, code = np.unique(cluster, return_inverse=True)
    sums = np.bincount(code, error)
    return float(sums @ sums) * len(sums) / max(len(sums) - 1, 1)


def _interval(value: float, stderr: float, degrees: int) -> Clustered:
    if degrees < 1:
        return Clustered(value=value, low=np.nan, high=np.nan, p=1.0)
    half = float(stats.t.ppf(0.975, degrees)) * stderr
    p = 1.0 if value == 0 else (0.0 if stderr == 0 else float(2 * stats.t.sf(abs(value) / stderr, degrees)))
    return Clustered(value=value, low=value - half, high=value + half, p=p)


@dataclass(frozen=True)
class Windows:
    """What two models' difference is over windows, by measure: the mean over all, and each window's own."""

    mean: dict[str, Clustered]
    each: dict[str, list[Clustered]]

    @classmethod
    def of(cls, rows: dict[str, Rows]) -> "Windows":
        """From the rows of the loss, and of ndcg@10 where requests are ranked."""
        rows = {name: one for name, one in rows.items() if name in (decides(rows), DECIDES_RANKED) and len(one.user)}
        return cls({name: one.mean() for name, one in rows.items()}, {name: one.by_window() for name, one in rows.items()})

    @property
    def count(self) -> int:
        """How many windows there are."""
        return max((len(each) for each in self.each.values()), default=0)
