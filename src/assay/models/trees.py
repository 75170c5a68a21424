"""Decision tree and random forest: grown by scikit-learn on a subsample, kept as arrays, predicted by our own walk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numba
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from assay.config import Models
from assay.cores import cores
from assay.models.dense import Dense, Floats
from assay.models.files import read_arrays, read_model, write_model
from assay.models.scorer import Vector, not_fitted, subsample, training_rows
from assay.samples.table import Samples

_BLOCK = 512  # rows that walk together: their features and one tree stay in a core's cache


@numba.njit(cache=True, parallel=True)
def _walk(X, feature, threshold, left, share, roots, depths, out):  # type: ignore[no-untyped-def]
    n = X.shape[0]
    for block in numba.prange((n + _BLOCK - 1) // _BLOCK):
        low = block * _BLOCK
        size = min(_BLOCK, n - low)
        node = np.empty(_BLOCK, np.int32)
        total = np.zeros(_BLOCK)
        for tree in range(roots.size):
            for r in range(size):
                node[r] = roots[tree]
            for _ in range(depths[tree]):
                for r in range(size):
                    k = node[r]
                    node[r] = left[k] + np.int32(X[low + r, feature[k]] > threshold[k])
            for r in range(size):
                total[r] += share[node[r]]
        for r in range(size):
            out[low + r] = total[r] / roots.size


@dataclass(frozen=True)
class Forest:
    """T binary trees as arrays over all m nodes; the mean of the trees' leaf shares is the probability, or the amount.

    A node sends a row to `left` when its feature is at most the threshold, else to left + 1. A leaf leads to
    itself (threshold infinity), so that all rows of a tree walk the same number of steps.
    """

    feature: NDArray[np.int32]  # (m,)
    threshold: NDArray[np.float32]  # (m,)
    left: NDArray[np.int32]  # (m,)
    share: NDArray[np.float64]  # (m,) of positives; of continuous labels the mean
    roots: NDArray[np.int32]  # (T,)
    depths: NDArray[np.int32]  # (T,)

    @classmethod
    def of(cls, trees: Sequence[Any], prior: float = 0.0) -> Self:
        """From fitted trees, classifiers of 0 and 1 or regressors; prior: weight of the tree's own share in every leaf."""
        parts = [_flat(tree.tree_, prior) for tree in trees]
        roots = np.cumsum([0, *(len(part[0]) for part in parts)])[:-1].astype(np.int32)
        lefts = [part[2] + root for part, root in zip(parts, roots, strict=True)]
        return cls(
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            np.concatenate(lefts).astype(np.int32),
            np.concatenate([part[3] for part in parts]),
            roots,
            np.array([tree.tree_.max_depth for tree in trees], np.int32),
        )

    def predict(self, X: Floats) -> Vector:
        """(n,) probabilities, or amounts, of rows of X (n, d) float32 without NaN; trees are added up in their order."""
        out = np.empty(len(X))
        rows = np.ascontiguousarray(X, np.float32)
        _walk(rows, self.feature, self.threshold, self.left, self.share, self.roots, self.depths, out)
        return out


def _flat(tree: Any, prior: float) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int32], NDArray[np.float64]]:
    """A scikit-learn tree's nodes level by level, so that the children of a node are neighbours."""
    levels = [np.zeros(1, np.int64)]
    while True:
        inner = levels[-1][tree.children_left[levels[-1]] >= 0]
        if not len(inner):
            break
        levels.append(np.column_stack([tree.children_left[inner], tree.children_right[inner]]).ravel())
    order = np.concatenate(levels)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    inner = tree.children_left[order] >= 0
    feature = np.where(inner, tree.feature[order], 0).astype(np.int32)
    left = np.where(inner, place[np.where(inner, tree.children_left[order], 0)], place[order]).astype(np.int32)
    exact = tree.threshold[order]
    # A float32 is at most a float64 threshold just when it is at most the next float32 below or at it.
    rounded = exact.astype(np.float32)
    rounded = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    threshold = np.where(inner, rounded, np.float32(np.inf)).astype(np.float32)
    value, weight = tree.value[order, 0, :], tree.weighted_n_node_samples[order]
    share = value[:, 0] if value.shape[1] == 1 else value[:, 1] / value.sum(axis=1)
    return feature, threshold, left, (weight * share + prior * share[0]) / (weight + prior)


class _Trees:
    """What the two have in common: rows by stable hash, medians for unknown values, target-ordered categories.

    The share of positives of a leaf is an m-estimate (Cestnik, ECAI 1990): as if it held `_prior` more rows, of the heaviest
    weight and with the share of all. So a leaf without a drawn negative, which may stand for a hundred, promises no 1.
    """

    _prior = 1.0

    name = ""
    layout_: Dense | None = None
    forest_: Forest | None = None

    @classmethod
    def configured(cls, section: Models) -> Self:
        """With the section's most rows."""
        return cls(subsample=section.subsample)

    def __init__(self, subsample: int) -> None:
        self.subsample = subsample

    def settings(self) -> dict[str, int]:
        """The constructor's arguments."""
        raise NotImplementedError

    def _grow(self, X: Floats, y: NDArray[Any], weight: Vector, seed: int, *, chances: bool) -> Sequence[Any]:
        raise NotImplementedError

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Grow on at most `subsample` rows of weight above 0, chosen by a stable hash of sample_id.

        SplitError: no rows, or one class only. InputError: no feature besides user and item.
        """
        rows = subsample(samples, training_rows(samples, self.name, amounts=True), self.subsample, self.name)
        layout = Dense.learn(samples, rows, most_native=0, impute=True)
        X = np.ascontiguousarray(layout.matrix(samples.features, rows))
        chances = samples.label_type.is_chance
        y = samples.label[rows] if chances else samples.response[rows]
        trees = self._grow(X, y, samples.weight[rows], int(rng.integers(2**31)), chances=chances)
        self.layout_, self.forest_ = layout, Forest.of(trees, self._prior * float(samples.weight[rows].max()))
        return self

    def predict(self, samples: Samples) -> Vector:
        """(n,) probabilities, or amounts; a level or value never seen in training counts as the median."""
        layout, forest = self._fitted()
        out = np.empty(len(samples))
        for rows, X in layout.batches(samples.features):
            out[rows] = forest.predict(X)
        return out

    def fresh(self) -> Self:
        """An unfitted twin with the same settings."""
        return type(self)(**self.settings())

    def save(self, folder: Path) -> list[Path]:
        """Write model.json (settings, layout) and arrays.npz (nodes)."""
        layout, forest = self._fitted()
        return write_model(folder, self.name, {"settings": self.settings(), "layout": layout.describe()}, vars(forest))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote."""
        content = read_model(folder)
        model = cls(**content["settings"])
        model.layout_ = Dense.described(content["layout"])
        model.forest_ = Forest(**read_arrays(folder / "arrays.npz"))
        return model

    def _fitted(self) -> tuple[Dense, Forest]:
        if self.layout_ is None or self.forest_ is None:
            raise not_fitted(self.name)
        return self.layout_, self.forest_


class DecisionTree(_Trees):
    """One tree of at most `leaves` leaves of at least `least` rows, best splits first."""

    name = "tree"

    def __init__(self, subsample: int = 150_000, leaves: int = 256, least: int = 50) -> None:
        super().__init__(subsample)
        self.leaves, self.least = leaves, least

    def settings(self) -> dict[str, int]:
        """The constructor's arguments."""
        return {"subsample": self.subsample, "leaves": self.leaves, "least": self.least}

    def _grow(self, X: Floats, y: NDArray[Any], weight: Vector, seed: int, *, chances: bool) -> Sequence[Any]:
        kind = DecisionTreeClassifier if chances else DecisionTreeRegressor
        tree = kind(max_leaf_nodes=self.leaves, min_samples_leaf=self.least, random_state=seed)
        return [tree.fit(X, y, sample_weight=weight)]


class RandomForest(_Trees):
    """Trees of bounded depth, each on its own draw of the subsample; predicts the mean of their leaves' shares."""

    name = "forest"
    _prior = 0.0  # the mean of many trees needs none

    def __init__(self, subsample: int = 150_000, trees: int = 60, depth: int = 14, least: int = 20) -> None:
        super().__init__(subsample)
        self.trees, self.depth, self.least = trees, depth, least

    def settings(self) -> dict[str, int]:
        """The constructor's arguments."""
        return {"subsample": self.subsample, "trees": self.trees, "depth": self.depth, "least": self.least}

    def _grow(self, X: Floats, y: NDArray[Any], weight: Vector, seed: int, *, chances: bool) -> Sequence[Any]:
        kind = RandomForestClassifier if chances else RandomForestRegressor
        forest = kind(self.trees, max_depth=self.depth, min_samples_leaf=self.least, random_state=seed, n_jobs=cores())
        grown: Sequence[Any] = forest.fit(X, y, sample_weight=weight).estimators_
        return grown
