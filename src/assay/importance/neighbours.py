"""Exact values of training samples to a k-nearest-neighbour classifier, in time n log n a validation row.

A training set S scores a validation row by its nearest min(K, |S|) members: the additive game
U(S) = (1 / K) * matches among them (Jia et al., "Efficient task-specific data valuation for nearest neighbor
algorithms", PVLDB 2019), or the soft-label game U(S) = share of matches among the members it has, 1 / C for the empty
set (Wang and Jia, "A note on KNN-Shapley", 2023), or the vote of all within a radius (Wang et al.,
"Threshold KNN-Shapley", NeurIPS 2023). A value is the mean over validation rows. Memory is n, never n x m.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from assay.importance import checks
from assay.importance.privacy import noise_scale
from assay.importance.valuer import Importance, user_folds
from assay.importance.values import Values, Vector, from_folds
from assay.models.dense import Dense
from assay.models.scorer import Scorer
from assay.numerics import neighbours as kernels
from assay.numerics.compiled import announce
from assay.numerics.hashing import mix
from assay.samples.table import Samples

METRICS = ("euclidean", "cosine")
_ROWS = 1_000  # of validation, that valuers take


def knn_shapley(
    X: Any,
    y: Any,
    X_val: Any,
    y_val: Any,
    *,
    k: int = 5,
    soft: bool = False,
    top: int | None = None,
    metric: str = "euclidean",
    folds: Any = None,
) -> Values:
    """Exact Shapley values of training samples to a k-nearest-neighbour classifier; positive is useful.

    The values sum to U(all), for soft to U(all) - 1 / C with C classes. Samples at one distance get the mean over their orders.
    Time: n log n a validation row; memory: n.

    Parameters
    ----------
    X : array or sparse matrix, shape (n, p)
        Training samples, finite.
    y : array, shape (n,)
        Their classes, of any kind.
    X_val : array or sparse matrix, shape (m, p)
        Validation samples, finite.
    y_val : array, shape (m,)
        Their classes.
    k : int
        Neighbours, 1 or more; also above n.
    soft : bool
        Whether the classifier averages over the neighbours that it has, rather than over k.
    top : int, optional
        Only the nearest `top` samples of each validation row are sorted, k or more; farther ones get 0 from it. Each value is
        then off by less than 1 / top.
    metric : str
        "euclidean", or "cosine" (no row of zeros).
    folds : array of int, shape (m,), optional
        Number of each validation row's fold, from 0. The result then knows per_fold, stderr and z.

    Returns
    -------
    Values, shape (n,)
        float64; unit: share of validation rows.

    Raises
    ------
    ValueError
        An argument of another shape or range; the message names it.

    References
    ----------
    Jia et al., "Efficient task-specific data valuation for nearest neighbor algorithms", PVLDB 2019. Wang and Jia, "A note on
    efficient computation for KNN-Shapley", 2023. The published start of the recursion, match / N, is wrong for k above N; here it
    is min(k, N) / (k N).

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> X, y = np.array([[0.0], [1.0], [10.0]]), np.array([0, 1, 1])
    >>> value = assay.knn_shapley(X, y, np.array([[0.1]]), np.array([0]), k=1)
    >>> value.round(3).tolist(), round(float(value.sum()), 3)
    ([1.0, 0.0, 0.0], 1.0)
    """
    k = checks.count(k, "k")
    if top is not None and soft:
        raise ValueError("top with soft=True: the bound of a truncation holds for the additive game only; leave one out")
    data = Problem(X, y, X_val, y_val, metric, folds)
    return data.sorted_game(_soft(data.n, k, data.classes), k, None) if soft else data.shapley(k, top)


def knn_banzhaf(
    X: Any, y: Any, X_val: Any, y_val: Any, *, k: int = 5, top: int | None = None, metric: str = "euclidean", folds: Any = None
) -> Values:
    """Exact Banzhaf values of training samples to a k-nearest-neighbour classifier: the mean over all subsets of the others.

    A sample of rank i counts with P(Binomial(i - 1, 1/2) <= k - 1) / k, which falls much faster than Shapley's 1 / i: a value is
    off by less than that of rank `top`. Ties as in `knn_shapley`.

    Parameters
    ----------
    X, y, X_val, y_val
        As in `knn_shapley`.
    k : int
        Neighbours, 1 or more.
    top, metric, folds
        As in `knn_shapley`.

    Returns
    -------
    Values, shape (n,)
        float64; unit: share of validation rows.

    Raises
    ------
    ValueError
        As in `knn_shapley`.

    References
    ----------
    Wang and Jia, "Data Banzhaf: a robust data valuation framework for machine learning", AISTATS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> X, y = np.array([[0.0], [1.0], [10.0]]), np.array([0, 1, 1])
    >>> assay.knn_banzhaf(X, y, np.array([[0.1]]), np.array([0]), k=1).tolist()
    [1.0, 0.0, 0.0]
    """
    k = checks.count(k, "k")
    return Problem(X, y, X_val, y_val, metric, folds).banzhaf(k, top)


def threshold_knn_shapley(
    X: Any,
    y: Any,
    X_val: Any,
    y_val: Any,
    *,
    radius: float,
    epsilon: float | None = None,
    delta: float | None = None,
    rng: np.random.Generator | None = None,
    metric: str = "euclidean",
    folds: Any = None,
) -> Values:
    """Exact Shapley values of training samples to a classifier that lets all samples within a radius vote.

    With epsilon and delta the values are differentially private: to whoever reads one sample's value, the presence of any other
    sample. Gaussian noise goes on how many neighbours a validation row has and how many match, composed over the m rows by
    dp-accounting's RDP accountant (`pip install 'assay[privacy]'`). A value of one's own sample does not hide that sample from
    oneself. Time: n a validation row.

    Parameters
    ----------
    X, y, X_val, y_val
        As in `knn_shapley`.
    radius : float
        Above 0, in the metric (cosine: 1 - cos). Outside of it a value is 0.
    epsilon, delta : float, optional
        How private: both or neither; by default not at all.
    rng : numpy.random.Generator, optional
        Draws the noise; needed with epsilon.
    metric, folds
        As in `knn_shapley`.

    Returns
    -------
    Values, shape (n,)
        float64; unit: share of validation rows; positive is useful.

    Raises
    ------
    ValueError
        As in `knn_shapley`; or epsilon without delta or rng.

    References
    ----------
    Wang, Zhu, Wang, Jia and Mittal, "Threshold KNN-Shapley: a linear-time and privacy-friendly approach to data valuation",
    NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> X, y = np.array([[0.0], [0.3], [10.0]]), np.array([0, 1, 1])
    >>> value = assay.threshold_knn_shapley(X, y, np.array([[0.1]]), np.array([0]), radius=1.0)
    >>> bool(value[0] > 0 > value[1]), float(value[2])
    (True, 0.0)
    """
    radius = checks.positive(radius, "radius")
    data = Problem(X, y, X_val, y_val, metric, folds)
    noise = np.zeros((data.m, 2))
    if epsilon is not None:
        if delta is None or rng is None:
            raise ValueError("epsilon needs delta (below 1 / n) and rng (a numpy Generator): privacy is drawn noise")
        noise = rng.normal(0.0, noise_scale(epsilon, delta, data.m), (data.m, 2))
    elif delta is not None:
        raise ValueError("delta without epsilon: give both for private values, or neither")
    # Of rows of length 1 the squared distance is 2 (1 - cos).
    return data.within(2.0 * radius if metric == "cosine" else radius**2, noise)


Game = tuple[Vector, float, float]  # coefficients by rank; what every value loses for each match, and for the empty set


def _additive(n: int, k: int) -> Game:
    rank = np.arange(1.0, n + 1)
    return np.minimum(k, rank) / (k * rank), 0.0, 0.0


def _banzhaf(n: int, k: int) -> Game:
    return stats.binom.cdf(k - 1, np.arange(n), 0.5) / k, 0.0, 0.0


def _soft(n: int, k: int, classes: int) -> Game:
    # By the difference of neighbouring ranks and the value of the last, both worked out over all subset sizes.
    below = float(np.sum(1.0 / np.arange(2, min(k, n) + 1)))
    if n == 1:
        return np.ones(1), 0.0, 1.0 / classes
    rank = np.arange(1.0, n)
    first = float(np.sum(1.0 / np.arange(1, min(k, n - 1) + 1)))
    c = (first + (n - 1 >= k) * (np.minimum(rank, k) * (n - 1) / rank - k) / k) / (n - 1)
    return np.append(c, below / (n - 1) + 1.0 / n), below / (n * (n - 1)), 1.0 / (classes * n)


class Distances:
    """Checked rows, as kernels take them, and the folds of the validation rows."""

    def __init__(self, X: Any, X_val: Any, metric: str, folds: Any) -> None:
        checks.one_of(metric, METRICS, "metric")
        train, validation = checks.pair(X, X_val)
        self.n, self.m = train.shape[0], validation.shape[0]
        self._folds: Any = folds
        self.fold = checks.fold_numbers(folds, self.m)
        self.sparse = sparse.issparse(train)
        if metric == "cosine":
            train, validation = _directions(train, "X"), _directions(validation, "X_val")
        self.train: Any = train if self.sparse else np.ascontiguousarray(np.asarray(train).T)
        self.validation: Any = validation

    def rows(self, at: NDArray[np.int64]) -> tuple[Any, Any]:
        """Training rows, and the validation rows `at`."""
        V = self.validation[at]
        if not self.sparse:
            return self.train, V
        squares = np.add.reduceat(np.append(self.train.data.astype(np.float64) ** 2, 0.0), self.train.indptr[:-1])
        squares = np.where(np.diff(self.train.indptr) > 0, squares, 0.0)
        rows = (self.train.indptr, self.train.indices, self.train.data, squares, self.train.shape[1])
        return rows, (V.indptr, V.indices, V.data)

    def over_folds(self, add: Callable[[NDArray[np.int64], Vector], None]) -> Values:
        """Mean over each fold's validation rows of what `add(positions, sums)` adds up, in a fixed order."""
        per_fold = []
        for fold in range(int(self.fold.max()) + 1):
            at = np.flatnonzero(self.fold == fold)
            sums = np.zeros((kernels.BLOCKS, self.n))
            add(at, sums)
            per_fold.append(sums.sum(axis=0) / len(at))
        return from_folds(np.stack(per_fold), self._folds)


class Problem(Distances):
    """Checked rows and classes.

    trusted: a split made X_val, so rows that equal rows of X are other samples.
    """

    def __init__(self, X: Any, y: Any, X_val: Any, y_val: Any, metric: str, folds: Any, *, trusted: bool = False) -> None:
        super().__init__(X, X_val, metric, folds)
        labels = checks.vector(y, self.n, "y", "X"), checks.vector(y_val, self.m, "y_val", "X_val")
        if not trusted:
            checks.disjoint(X, labels[0], X_val, labels[1])
        classes, codes = np.unique(np.concatenate(labels), return_inverse=True)
        self.classes = len(classes)
        self.y, self.y_val = (part.astype(np.int32) for part in np.split(codes, [self.n]))

    def arrays(self, at: NDArray[np.int64]) -> tuple[Any, ...]:
        """Rows, the validation rows `at`, and the classes of both."""
        return *self.rows(at), self.y, self.y_val[at]

    def shapley(self, k: int, top: int | None = None) -> Values:
        """Values of `knn_shapley`."""
        return self.sorted_game(_additive(self.n, k), k, top)

    def banzhaf(self, k: int, top: int | None = None) -> Values:
        """Values of `knn_banzhaf`."""
        return self.sorted_game(_banzhaf(self.n, k), k, top)

    def sorted_game(self, game: Game, k: int, top: int | None) -> Values:
        """Values of a game that depends on ranks."""
        if top is None:
            top = self.n
        elif checks.count(top, "top") < k:
            raise ValueError(f"top is {top}, k is {k}: the nearest k decide, so top is at least k")
        c, mean_share, chance = game
        packed = (c, np.concatenate(([0.0], np.cumsum(c))), mean_share, chance)
        kernel: Any = kernels.sparse_values if self.sparse else kernels.dense_values
        announce(kernel)
        return self.over_folds(lambda at, sums: kernel(*self.arrays(at), packed, top, sums))

    def within(self, limit: float, noise: Vector) -> Values:
        """Values of the game of all within a squared distance; noise (m, 2) goes on (neighbours, matches) of each row."""
        harmonic = np.concatenate(([0.0], np.cumsum(1.0 / np.arange(1, self.n + 1))))
        game = (harmonic, 1.0 / self.classes)
        kernel: Any = kernels.sparse_within if self.sparse else kernels.dense_within
        announce(kernel)
        return self.over_folds(lambda at, sums: kernel(*self.arrays(at), limit, noise[at], game, sums))


def _directions(X: Any, name: str) -> Any:
    """Rows scaled to length 1; ValueError for a row of zeros, which has no direction."""
    squares = np.asarray((X.multiply(X) if sparse.issparse(X) else X * X).sum(axis=1)).ravel()
    empty = np.flatnonzero(squares == 0)
    if len(empty):
        raise ValueError(f"{name}: row {empty[0]} is all zeros and has no direction; drop such rows or use metric='euclidean'")
    length = np.sqrt(squares)
    if not sparse.issparse(X):
        return X / length[:, None]
    scaled = X.astype(np.float64)
    scaled.data = scaled.data / np.repeat(length, np.diff(scaled.indptr))
    return scaled


class _Neighbours:
    """The valuers of these games: dense features of train, scaled to unit deviation, 1,000 validation rows by hash."""

    name = ""
    needs = Scorer
    k = 10

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in shares of validation rows, mean over folds; model and utility play no part.

        InputError: continuous labels.
        """
        del model, utility
        train.label_type.demand_chances(self.name)
        seed = int(rng.integers(2**31))
        few = some(validation, seed)
        X, X_val = scaled(train, few)
        data = Problem(X, train.label, X_val, few.label, "euclidean", user_folds(few, folds, seed), trusted=True)
        return Importance.of(train, self._found(data), self.name, "share of validation rows", "nearest neighbours")

    def _found(self, data: Problem) -> Values:
        raise NotImplementedError


def some(validation: Samples, seed: int) -> Samples:
    """At most _ROWS of the validation rows, by a stable hash of their ids."""
    order = np.argsort(mix(seed, validation.keys.column("sample_id").to_numpy().view(np.uint64)), kind="stable")
    return validation.take(np.sort(order[:_ROWS]))


def scaled(train: Samples, other: Samples) -> tuple[Vector, Vector]:
    """Dense features of both, unknown values filled, each column scaled to mean 0 and deviation 1 over train."""
    layout = Dense.learn(train, np.arange(len(train)), most_native=0, impute=True)
    X, X_other = (layout.matrix(part.features, np.arange(len(part))).astype(np.float64) for part in (train, other))
    spread = X.std(axis=0)
    spread[spread == 0] = 1.0
    # To six digits, so that the order in which a mean is summed does not part equal distances.
    return np.round((X - X.mean(axis=0)) / spread, 6), np.round((X_other - X.mean(axis=0)) / spread, 6)


class KnnShapley(_Neighbours):
    """The valuer of `knn_shapley`."""

    name = "knn_shapley"

    def _found(self, data: Problem) -> Values:
        return data.shapley(self.k)


class KnnBanzhaf(_Neighbours):
    """The valuer of `knn_banzhaf`."""

    name = "knn_banzhaf"

    def _found(self, data: Problem) -> Values:
        return data.banzhaf(self.k)


class ThresholdKnnShapley(_Neighbours):
    """The valuer of `threshold_knn_shapley`, not private; within the radius a validation row has 100 neighbours, by median."""

    name = "threshold_knn_shapley"
    _probes, _within = 32, 100

    def _found(self, data: Problem) -> Values:
        return data.within(self._radius(data) ** 2, np.zeros((data.m, 2)))

    def _radius(self, data: Problem) -> float:
        """Median over some validation rows of the distance to the 100th neighbour; above 0."""
        nearest, last = [], min(self._within, data.n) - 1
        squares = np.einsum("dn,dn->n", data.train, data.train)
        for row in data.validation[: self._probes]:
            nearest.append(np.partition(squares - 2.0 * (row @ data.train) + row @ row, last)[last])
        return float(np.sqrt(max(np.median(nearest), 1e-12)))
