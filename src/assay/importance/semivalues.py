"""Values of training samples to any model, by calling it: semivalues with standard errors from one sampler.

A semivalue of sample i is a weighted mean of U(S + i) - U(S) over the subsets S of the others. Leave-one-out takes the
whole of the others; Shapley every size alike, by permutations, cut where nothing more can be gained (Ghorbani and Zou,
"Data Shapley", ICML 2019); Beta(a, b) prefers some sizes (Kwon and Zou, "Beta Shapley", AISTATS 2022: a > b the small
ones); Banzhaf every subset alike, each evaluation serving all samples (maximum sample reuse; Wang and Jia, "Data
Banzhaf", AISTATS 2023). Slow and honest: the oracle of the fast methods.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.special import betaln, gammaln

from assay.errors import InputError
from assay.importance import checks
from assay.importance.valuer import Importance, only_loss, user_folds
from assay.importance.values import Values, Vector
from assay.models.files import read_arrays
from assay.models.scorer import Scorer
from assay.models.twins import twin
from assay.runs.arrays import write_arrays
from assay.samples.table import Samples

Mask = NDArray[np.bool_]
Utility = Callable[[Mask], float]
_ROUND = 16  # draws between two looks at the stopping rule: fixed, so that workers do not change where it stops
_LEAST = 32  # draws before a standard error is believed
_MOST = 1_000  # samples that a valuer takes: each of them costs some _EACH retrainings
_EACH = 20


def semivalue(
    utility: Utility,
    n: int,
    *,
    kind: str = "shapley",
    rng: np.random.Generator,
    max_evaluations: int = 10_000,
    tolerance: float = 0.0,
    workers: int = 1,
    checkpoint: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Values:
    """Values of n samples by evaluating a utility on subsets of them, with their standard errors.

    One seed of rng gives one answer, on any number of workers. It stops after max_evaluations, or the draw that reaches them, or
    once every standard error is `tolerance` or less. A permutation is cut where |U(all) - U(prefix)| <= tolerance, which biases a
    value by no more.

    Parameters
    ----------
    utility : callable
        utility(mask) of a bool array (n,), to a float: higher is better. It is also called with the empty mask. With workers > 1
        it runs in that many processes.
    n : int
        Samples.
    kind : str
        "loo" (n + 2 evaluations, exact), "shapley", "beta(a,b)" with a, b > 0, or "banzhaf".
    rng : numpy.random.Generator
        Draws the subsets.
    max_evaluations : int
        The most calls of the utility.
    tolerance : float
        In the utility's unit; 0 neither stops nor cuts.
    workers : int
        Processes.
    checkpoint : str or Path, optional
        A file that keeps the sums after every round; the same call goes on from it, also after Ctrl-C.
    progress : callable, optional
        Called with (evaluations, max_evaluations).

    Returns
    -------
    Values, shape (n,)
        float64, in the utility's unit; `.stderr` is that of the sampling.

    Raises
    ------
    ValueError
        An argument of another shape or range, or a checkpoint of another call; the message names it.

    References
    ----------
    Ghorbani and Zou, "Data Shapley", ICML 2019. Kwon and Zou, "Beta Shapley", AISTATS 2022. Wang and Jia, "Data Banzhaf", AISTATS
    2023.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> def utility(mask):
    ...     return float(mask.sum()) - 2.0 * mask[0]
    >>> value = assay.semivalue(utility, 4, rng=np.random.default_rng(0), max_evaluations=200)
    >>> value.round(6).tolist()
    [-1.0, 1.0, 1.0, 1.0]
    """
    n = checks.count(n, "n")
    most = checks.count(max_evaluations, "max_evaluations", 2)
    if not 0 <= tolerance < np.inf:
        raise ValueError(f"tolerance is {tolerance}; give 0 or a standard error in the utility's unit")
    checks.count(workers, "workers")
    seed = int(rng.integers(2**63))
    run = _Run(utility, n, seed, tolerance, _weights(kind, n))
    if kind != "banzhaf":
        run = replace(run, whole=run.at(np.ones(n, bool)), empty=run.at(np.zeros(n, bool)))
    if kind == "loo":
        if most < n + 2:
            raise ValueError(f"max_evaluations is {most}; leave-one-out of {n} samples needs {n + 2}")
        return _leave_one_out(run, workers)
    sums = _Sums.empty(n, 0 if kind == "banzhaf" else 2)
    file = None if checkpoint is None else Path(checkpoint)
    same: dict[str, NDArray[Any]] = {"seed": np.array([seed]), "n": np.array([n]), "tolerance": np.array([tolerance])}
    same["kind"] = np.frombuffer(kind.encode(), np.uint8)
    if file is not None and file.exists():
        sums = _resumed(file, same)
    draw = run.subset if kind == "banzhaf" else run.permutation
    with Parallel(n_jobs=workers) as pool:
        while not _enough(sums, kind, tolerance, most):
            first = int(sums.draws)
            draws = pool(delayed(draw)(number) for number in range(first, first + _ROUND))
            for one in draws:
                if sums.evaluations < most:
                    sums.add(one)
            if file is not None:
                write_arrays(file, same | sums.arrays())
            if progress is not None:
                progress(min(int(sums.evaluations), most), most)
    value, stderr = sums.estimate(kind)
    return Values(value, stderr=stderr)


def _weights(kind: str, n: int) -> Vector:
    """(n,) weight of a marginal contribution to s = 0 ... n - 1 others, relative to Shapley's."""
    if kind in ("loo", "shapley", "banzhaf"):
        return np.ones(n)
    parameters = re.fullmatch(r"beta\(\s*([\d.]+)\s*,\s*([\d.]+)\s*\)", kind)
    if not parameters or not (float(parameters[1]) > 0 and float(parameters[2]) > 0):
        raise ValueError(f"kind is {kind!r}; give loo, shapley, banzhaf or beta(a,b) with a, b > 0")
    a, b, s = float(parameters[1]), float(parameters[2]), np.arange(n)
    choose = gammaln(n) - gammaln(s + 1) - gammaln(n - s)
    return np.asarray(n * np.exp(choose + betaln(b + s, a + n - 1 - s) - betaln(a, b)))


@dataclass(frozen=True)
class _Draw:
    """One draw: what it adds for each sample, on the side of subsets with it (1) or without (0)."""

    side: Mask  # (n,)
    value: Vector  # (n,)
    evaluations: int


@dataclass(frozen=True)
class _Run:
    """What workers need; every draw has a seed of its own."""

    utility: Utility
    n: int
    seed: int
    tolerance: float
    weights: Vector
    whole: float = 0.0
    empty: float = 0.0

    def at(self, mask: Mask) -> float:
        """The utility, finite."""
        value = float(self.utility(mask))
        if not np.isfinite(value):
            raise ValueError(f"utility is {value} for a subset of {int(mask.sum())} of {self.n} samples; it must be finite")
        return value

    def permutation(self, number: int) -> _Draw:
        """Marginal contributions along one order of the samples, weighted by how many came before."""
        order = np.random.default_rng([self.seed, number]).permutation(self.n)
        mask, value = np.zeros(self.n, bool), np.zeros(self.n)
        whole, before, evaluations = self.whole, self.empty, 0
        for size, i in enumerate(order):
            if size == self.n - 1:
                after = whole
            elif self.tolerance and abs(whole - before) <= self.tolerance:
                break
            else:
                mask[i] = True
                after = self.at(mask)
                evaluations += 1
            value[i] = self.weights[size] * (after - before)
            before = after
        return _Draw(np.ones(self.n, bool), value, max(evaluations, 1))  # one at least: an end of all draws

    def subset(self, number: int) -> _Draw:
        """The utility of one subset in which every sample is with probability 1/2."""
        mask = np.random.default_rng([self.seed, number]).random(self.n) < 0.5
        return _Draw(mask, np.full(self.n, self.at(mask)), 1)


@dataclass
class _Sums:
    """Count, mean and squared deviations (2, n) of what draws gave without and with each sample (Welford 1962)."""

    count: Vector
    mean: Vector
    squares: Vector
    draws: int = 0
    evaluations: int = 0

    @classmethod
    def empty(cls, n: int, evaluations: int) -> "_Sums":
        return cls(np.zeros((2, n)), np.zeros((2, n)), np.zeros((2, n)), evaluations=evaluations)

    def add(self, draw: _Draw) -> None:
        at = draw.side.astype(np.int64), np.arange(len(draw.side))
        self.count[at] += 1
        gap = draw.value - self.mean[at]
        self.mean[at] += gap / self.count[at]
        self.squares[at] += gap * (draw.value - self.mean[at])
        self.draws += 1
        self.evaluations += draw.evaluations

    def estimate(self, kind: str) -> tuple[Vector, Vector]:
        """Values and standard errors (n,); a standard error is infinite where a side has fewer than two draws."""
        side = np.divide(
            self.squares, self.count * (self.count - 1), out=np.full_like(self.squares, np.inf), where=self.count > 1
        )
        if kind == "banzhaf":
            return self.mean[1] - self.mean[0], np.asarray(np.sqrt(side.sum(axis=0)))
        return self.mean[1], np.asarray(np.sqrt(side[1]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        whole = {"draws": np.array([self.draws]), "evaluations": np.array([self.evaluations])}
        return {"count": self.count, "mean": self.mean, "squares": self.squares, **whole}


def _enough(sums: _Sums, kind: str, tolerance: float, most: int) -> bool:
    if sums.evaluations >= most:
        return True
    return bool(tolerance) and sums.draws >= _LEAST and bool(sums.estimate(kind)[1].max() <= tolerance)


def _resumed(file: Path, same: dict[str, NDArray[Any]]) -> _Sums:
    kept = read_arrays(file)
    for name, wanted in same.items():
        if not np.array_equal(kept.get(name, np.empty(0)), wanted):
            raise ValueError(f"checkpoint {file} is of another {name}; give the same arguments and seed, or another file")
    return _Sums(kept["count"], kept["mean"], kept["squares"], int(kept["draws"][0]), int(kept["evaluations"][0]))


def _leave_one_out(run: _Run, workers: int) -> Values:
    utilities = Parallel(n_jobs=workers)(delayed(run.at)(np.arange(run.n) != i) for i in range(run.n))
    return Values(run.whole - np.array(utilities), stderr=np.zeros(run.n))


class _Retraining:
    """The valuers by semivalues: the model is fitted again on every drawn subset, for at most 1,000 samples.

    Utility: minus the log-loss of a fold's validation rows; a subset of one class, or none, predicts the smoothed share of
    positives (positives + 1) / (rows + 2). Draws are the same for every fold, so that folds differ by their rows alone.
    """

    name = kind = ""
    needs = Scorer

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in the loss (nats) per validation row, mean over folds; InputError beyond 1,000 samples."""
        only_loss(utility, train, self.name)
        if len(train) > _MOST:
            raise InputError(
                f"{self.name} fits the model some {_EACH} times for each of {len(train):,} samples; it takes {_MOST:,} at most:"
                " use influence, or call semivalue with groups of samples as players"
            )
        seed = int(rng.integers(2**31))
        order = np.argsort(train.keys.column("sample_id").to_numpy(), kind="stable")  # draws go by id, not by row
        score = _Retrained(train.take(order), validation, model, user_folds(validation, folds, seed))
        per_fold = np.empty((folds, len(train)))
        for fold in range(folds):
            per_fold[fold, order] = semivalue(
                partial(score.at, fold), len(train), kind=self.kind, rng=np.random.default_rng(seed),
                max_evaluations=_EACH * len(train) + 2,
            )  # fmt: skip
        return Importance.of(train, Values(per_fold.mean(axis=0), per_fold), self.name, utility, model.name)


class _Retrained:
    """Utility of a subset on each fold; a subset is fitted once."""

    def __init__(self, train: Samples, validation: Samples, model: Any, fold: NDArray[np.int64]) -> None:
        self._train, self._validation, self._model, self._fold = train, validation, model, fold
        self._known: dict[bytes, Vector] = {}

    def at(self, fold: int, mask: Mask) -> float:
        key = np.packbits(mask).tobytes()
        if key not in self._known:
            self._known[key] = self._utilities(self._train.take(mask))
        return float(self._known[key][fold])

    def _utilities(self, part: Samples) -> Vector:
        v = self._validation
        if v.label_type.serves(part.response[part.weight > 0]):
            predicted = twin(self._model, part, rng=np.random.default_rng(0)).predict(v)
        else:
            predicted = np.full(len(v), _without_model(part))
        lost = v.weight * v.label_type.losses(predicted, v.response)
        return np.asarray(-np.bincount(self._fold, lost) / np.bincount(self._fold, v.weight))


def _without_model(part: Samples) -> float:
    """What is predicted where labels do not differ: the share of positives of two more rows, one of each; or the mean amount."""
    total, rows = float(part.weight @ part.response), float(part.weight.sum())
    if part.label_type.is_chance:
        return (total + 1.0) / (rows + 2.0)
    return total / rows if rows else 0.0


class LeaveOneOut(_Retraining):
    """What the model loses without one sample, all others kept."""

    name, kind = "leave_one_out", "loo"


class Shapley(_Retraining):
    """Shapley values by random orders."""

    name, kind = "shapley", "shapley"


class BetaShapley(_Retraining):
    """Beta(16, 1) values: of small subsets above all, where a sample can still be told from noise."""

    name, kind = "beta_shapley", "beta(16,1)"


class Banzhaf(_Retraining):
    """Banzhaf values by reuse of every subset for every sample."""

    name, kind = "banzhaf", "banzhaf"
