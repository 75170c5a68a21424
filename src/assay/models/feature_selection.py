"""Which readable features to keep: by mutual information with the label, or by the order of entry on an L1 path."""

import re

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from assay.errors import ConfigError, InputError, did_you_mean
from assay.models.dense import is_text, level_codes, numbers
from assay.models.scorer import Vector, training_rows
from assay.numerics.families import probability
from assay.numerics.hashing import mix
from assay.numerics.products import margins, squares, transposed
from assay.samples.table import Samples

METHODS = ("mutual_information", "l1")
_BINS = 32
_PATH_ROWS = 100_000
_PATH_STEPS = 60
_SHRINK = 0.8  # of the penalty from one step of the path to the next
_ITERATIONS = 40
_CROSS = re.compile(r" x |[*×&|]")


def select_features(samples: Samples, method: str, count: int, *, seed: int) -> list[str]:
    """At most `count` names of features of training samples, the most telling first.

    "mutual_information" (nats, weighted, on at most 32 equally filled bins or the categories, unknown apart, with
    Miller and Madow's correction for the number of cells) sees every row and one feature at a time. "l1" follows
    an L1-penalised logistic regression on the encoded matrix of at most 100,000 rows, drawn by a stable hash of
    seed and sample_id, until `count` features own a column that is not 0, and orders them by their share of the
    margin; it may return fewer. ConfigError: another method. SplitError: one class only. InputError: l1 without an
    encoder, or with one whose columns are not named after features (see `owners`).
    """
    rows = training_rows(samples, "feature selection")
    if method == "mutual_information":
        information = mutual_information(samples)
        return sorted(information, key=lambda name: (-information[name], name))[:count]
    if method == "l1":
        return _on_path(samples, rows, count, seed)
    raise ConfigError(f"[models] feature_selection: unknown {method!r}{did_you_mean(method, METHODS)}")


def mutual_information(samples: Samples) -> dict[str, float]:
    """Mutual information (nats, 0 or more) of each feature with the label, over rows of weight above 0."""
    weight = samples.weight
    rows = int(np.count_nonzero(weight > 0))
    information = {}
    for name in samples.features.column_names:
        codes, size = _codes(samples.features, name)
        cells = np.bincount(codes * 2 + samples.label, weight, 2 * size).reshape(size, 2)
        cells = cells[cells.sum(axis=1) > 0] / weight.sum()
        expected = cells.sum(axis=1, keepdims=True) * cells.sum(axis=0)
        terms = cells * np.log(np.divide(cells, expected, out=np.ones_like(cells), where=cells > 0))
        information[name] = max(float(terms.sum()) - (len(cells) - 1) / (2 * rows), 0.0)
    return information


def _codes(features: pa.Table, name: str) -> tuple[NDArray[np.int64], int]:
    """Codes (n,) of bins or levels, the last one for unknown, and their number."""
    if is_text(features, name):
        codes, levels = level_codes(features, name)
        return np.where(codes < 0, len(levels), codes).astype(np.int64), len(levels) + 1
    values = numbers(features, name)
    finite = ~np.isnan(values)
    edges = np.empty(0, np.float32)
    if finite.any():
        edges = np.unique(np.quantile(values[finite], np.linspace(0, 1, _BINS + 1)[1:], method="lower"))
    return np.where(finite, np.searchsorted(edges, values, side="left"), len(edges)), len(edges) + 1


def owners(columns: list[str], features: list[str]) -> NDArray[np.bool_]:
    """(p, f) whether encoder column j is made from feature k, read off its name.

    A column is called by its feature, or "feature=level", "feature:bin"; a cross by its features joined by " x ",
    "*" or "|" before the "=". A column of neither kind, as an intercept, has no owner.
    """
    place = {name: k for k, name in enumerate(features)}
    owned = np.zeros((len(columns), len(features)), np.bool_)
    for j, column in enumerate(columns):
        head = column if column in place else re.split("[=:]", column, maxsplit=1)[0]
        for part in [head] if head in place else _CROSS.split(head):
            if part.strip() in place:
                owned[j, place[part.strip()]] = True
    return owned


def _on_path(samples: Samples, rows: NDArray[np.int64], count: int, seed: int) -> list[str]:
    if samples.encoder is None:
        raise InputError('feature_selection = "l1": the samples have no encoder; fit one on train, or take another method')
    features = list(samples.features.column_names)
    owned = owners(list(samples.encoder.names), features)
    if not owned.any():
        raise InputError('feature_selection = "l1": no encoder column is named after a feature; take another method')
    hashes = mix(seed, samples.keys.column("sample_id").to_numpy()[rows])
    rows = rows[np.argsort(hashes, kind="stable")[:_PATH_ROWS]]
    X = samples.matrix()[rows]
    y, weight = samples.label[rows].astype(np.float64), samples.weight[rows] / samples.weight[rows].sum()
    free = ~owned.any(axis=1)
    mean_square = transposed(squares(X), weight)
    # With k entries a row, k times the diagonal bounds the Hessian: every column has its own step length.
    bound = np.maximum(0.25 * int(np.diff(X.indptr).max()) * mean_square, 1e-12)
    coef = np.zeros(X.shape[1])
    if free.any():
        coef = _descend(X, y, weight, coef, np.where(free, 0.0, np.inf), bound)
    gradient = np.abs(transposed(X, weight * (probability(margins(X, coef)) - y)))
    penalty = float(gradient[~free].max())
    active = np.zeros(len(features), np.bool_)
    for _ in range(_PATH_STEPS):
        penalty *= _SHRINK
        coef = _descend(X, y, weight, coef, np.where(free, 0.0, penalty), bound)
        active = owned[coef != 0].any(axis=0)
        if np.count_nonzero(active) >= count:
            break
    mass = (np.abs(coef) * np.sqrt(mean_square)) @ owned
    largest = [k for k in np.lexsort((features, -mass)) if active[k]]
    return [features[k] for k in largest[:count]]


def _descend(X: sparse.csr_array, y: Vector, weight: Vector, start: Vector, penalty: Vector, bound: Vector) -> Vector:
    """L1-penalised weighted log-loss from a start, by accelerated proximal gradient steps.

    Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm", SIAM J. Imaging Sciences 2009, with a
    step length a column. penalty (p,): infinite keeps a column at 0. It stops after a fixed number of steps: which
    features enter, and in what order, needs no more.
    """
    coef, ahead, momentum = start, start, 1.0
    for _ in range(_ITERATIONS):
        moved = ahead - transposed(X, weight * (probability(margins(X, ahead)) - y)) / bound
        new = np.sign(moved) * np.maximum(np.abs(moved) - penalty / bound, 0.0)
        faster = 0.5 * (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5)
        ahead = new + (momentum - 1.0) / faster * (new - coef)
        coef, momentum = new, faster
    return coef
