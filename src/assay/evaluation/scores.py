"""Scores: a model's measures kept per user, from which values, intervals and paired tests follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.numerics import measures as ms
from assay.numerics import statistics as st


class Estimate(TypedDict):
    """A measure and its 95 % interval, resampling users; NaN where undefined."""

    value: float
    low: float
    high: float


class Difference(TypedDict):
    """b minus a: 95 % interval, p, p after Holm over the measures compared, paired Cohen's d over users.

    effect is None when all users differ by exactly the same amount. needs: how many requests a verdict on
    the change would take, None where there are enough; only where the requests are known.
    """

    value: float
    low: float
    high: float
    p: float
    p_holm: float
    effect: float | None
    needs: NotRequired[int | None]


@dataclass(frozen=True)
class Scores:
    """One model's scores on one split.

    users: the distinct users (U,), ascending. measures: M names. statistic: counts (b, U) of how often
    each user is drawn -> measures (b, M). noisy: measures that resampling inflates (calibration_error:
    a mean of absolute values); their intervals are shifted back by that bias.
    """

    users: NDArray[Any]
    measures: Sequence[str]
    statistic: st.Statistic
    noisy: frozenset[str] = frozenset()
    _drawn: dict[tuple[int, int], NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def values(self) -> dict[str, float]:
        """Each measure on all users."""
        return dict(zip(self.measures, st.point(self.statistic, len(self.users)).tolist(), strict=True))

    def estimates(self, *, resamples: int, seed: int) -> dict[str, Estimate]:
        """Each measure with its percentile interval; one user alone has none (NaN)."""
        value = st.point(self.statistic, len(self.users))
        if len(self.users) < 2:
            low = high = np.full(len(value), np.nan)
        else:
            low, high = st.percentile_interval(self._unbiased(value, self._draws(resamples, seed)))
        result = {}
        for name, v, lo, hi in zip(self.measures, value, low, high, strict=True):
            lowest, highest = ms.within(name, v, lo, hi)  # the mean of requests' parts can be drawn beyond the measure's ends
            result[name] = Estimate(value=float(v), low=float(lowest), high=float(highest))
        return result

    def against(self, other: "Scores", *, resamples: int, seed: int) -> dict[str, Difference]:
        """other minus self, each measure, on the same resamples of the same users."""
        if not np.array_equal(self.users, other.users) or list(self.measures) != list(other.measures):
            raise InputError("the two arms were not scored on the same users and measures; score both on one split")
        value = st.point(other.statistic, len(self.users)) - st.point(self.statistic, len(self.users))
        draws = other._draws(resamples, seed) - self._draws(resamples, seed)
        stderr = st.standard_error(draws)
        p, low, high = st.t_test(value, stderr, len(self.users))
        result = {}
        for m, (name, p_holm) in enumerate(zip(self.measures, st.holm(p), strict=True)):
            effect = st.cohens_d_from_error(float(value[m]), float(stderr[m]), len(self.users))
            lowest, highest = ms.within(name, value[m], low[m], high[m], difference=True)
            result[name] = Difference(
                value=float(value[m]),
                low=float(lowest),
                high=float(highest),
                p=float(p[m]),
                p_holm=float(p_holm),
                effect=None if np.isinf(effect) else effect,
            )
        return result

    def _draws(self, resamples: int, seed: int) -> NDArray[np.float64]:
        """(resamples, M), made once: what a model is compared with is compared again and again."""
        if (resamples, seed) not in self._drawn:
            rng = np.random.default_rng(seed)
            self._drawn[resamples, seed] = st.resample(self.statistic, len(self.users), resamples=resamples, rng=rng)
        return self._drawn[resamples, seed]

    def _unbiased(self, value: NDArray[np.float64], draws: NDArray[np.float64]) -> NDArray[np.float64]:
        draws = draws.copy()
        for m, name in enumerate(self.measures):
            if name in self.noisy:
                draws[:, m] = np.maximum(draws[:, m] - np.nanmean(draws[:, m]) + value[m], 0.0)
        return draws


def holm_together(comparisons: Mapping[str, dict[str, Difference]]) -> dict[str, dict[str, Difference]]:
    """The same comparisons with p_holm over all arms and measures as one family."""
    flat = [(arm, name) for arm, measures in comparisons.items() for name in measures]
    adjusted = st.holm([comparisons[arm][name]["p"] for arm, name in flat])
    result: dict[str, dict[str, Difference]] = {arm: {} for arm in comparisons}
    for (arm, name), p_holm in zip(flat, adjusted, strict=True):
        changed = comparisons[arm][name].copy()
        changed["p_holm"] = float(p_holm)
        result[arm][name] = changed
    return result
