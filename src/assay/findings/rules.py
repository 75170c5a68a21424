"""Short rules that describe low-valued samples: found on some validation folds, confirmed on the others.

A rule of three words beats a list of 40,000 sample ids: it can be read, repaired at its source, and has few
parameters to overfit with. A shallow regression tree over readable attributes proposes; the folds of
users that it never saw dispose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.tree import DecisionTreeRegressor

from assay.findings.segments import Attribute
from assay.importance.valuer import Importance
from assay.language import english

Conditions = tuple[tuple[str, frozenset[int]], ...]  # attribute and the levels of it that are meant
_DEPTH = 3
_EXPLAINED_DEPTH = 2
_LEAST_SHARE = 0.005
_TREE_ROWS = 300_000
_LEVEL = 0.05


@dataclass(frozen=True)
class Rule:
    """Samples whose attributes' levels lie in the given sets; all conditions hold together."""

    conditions: Conditions
    sentence: str
    rows: int
    share: float
    z: float = 0.0  # of the summed value on the folds that took no part in finding the rule
    confirmed: bool = False

    def matches(self, attributes: Sequence[Attribute]) -> NDArray[np.bool_]:
        """(n,) which samples the rule describes."""
        return matching(self.conditions, attributes)

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        entry = {"rule": self.sentence, "rows": self.rows, "share": self.share, "z": self.z}
        return {**entry, "confirmed": self.confirmed}


def matching(conditions: Conditions, attributes: Sequence[Attribute]) -> NDArray[np.bool_]:
    """(n,) rows that meet all conditions."""
    by_name = {attribute.name: attribute for attribute in attributes}
    mask = np.ones(len(attributes[0].codes), np.bool_)
    for name, levels in conditions:
        allowed = np.zeros(len(by_name[name].levels), np.bool_)
        allowed[list(levels)] = True
        mask &= allowed[by_name[name].codes]
    return mask


def mine(attributes: list[Attribute], importance: Importance) -> list[Rule]:
    """Rules for the leaves with a negative mean value, lowest first; none without at least four folds.

    A tree is grown on the values of the odd folds (text levels in order of their mean value there); a leaf is
    confirmed when its summed value on the even folds is below 0 by a one-sided t-test, Holm over the leaves.
    """
    if importance.per_fold is None or len(importance.per_fold) < 4 or not attributes:
        return []
    seek, confirm = importance.per_fold[1::2], importance.per_fold[0::2]
    target = seek.mean(axis=0)
    n = len(target)
    tested = []
    for conditions in _leaves(attributes, target / (float(np.abs(target).mean()) or 1.0), _DEPTH):
        mask = Rule(conditions, "", 0, 0.0).matches(attributes)
        if not mask.any() or target[mask].mean() >= 0:
            continue
        folds = np.array([values[mask].sum() for values in confirm])
        error = folds.std(ddof=1) / np.sqrt(len(folds))
        z = float(folds.mean() / error) if error > 0 else 0.0
        tested.append((float(stats.t.cdf(z, len(folds) - 1)), z, conditions, mask, float(target[mask].mean())))
    tested.sort(key=lambda entry: (entry[0], entry[4]))
    rules, open_ = [], True
    for k, (p, z, conditions, mask, _) in enumerate(tested):
        open_ = open_ and p * (len(tested) - k) < _LEVEL  # Holm: the first that fails closes the rest
        count = int(mask.sum())
        sentence = in_words(conditions, attributes) or english("all samples")
        rules.append(Rule(conditions, sentence, count, count / n, z, open_))
    return rules


def explain(changed: NDArray[np.bool_], attributes: list[Attribute]) -> tuple[Rule, float, float] | None:
    """The simplest rule for a set of samples (n,): (rule, share of them that it covers, share of its own that they are).

    Of the leaves of a tree of depth two, the one with the highest F1; None where all or none are in the set.
    """
    if not attributes or changed.all() or not changed.any():
        return None
    best: tuple[float, Conditions, NDArray[np.bool_], int] | None = None
    for conditions in _leaves(attributes, changed.astype(np.float64), _EXPLAINED_DEPTH):
        mask = Rule(conditions, "", 0, 0.0).matches(attributes)
        hits = int(np.count_nonzero(mask & changed))
        f1 = 2.0 * hits / (int(mask.sum()) + int(changed.sum()))
        if hits and (best is None or f1 > best[0]):
            best = (f1, conditions, mask, hits)
    if best is None:
        return None
    _, conditions, mask, hits = best
    rows = int(mask.sum())
    rule = Rule(conditions, in_words(conditions, attributes) or english("all samples"), rows, rows / len(mask))
    return rule, hits / int(changed.sum()), hits / rows


def _leaves(attributes: list[Attribute], target: NDArray[np.float64], depth: int) -> list[Conditions]:
    """Conditions of the leaves of a regression tree on the attributes, text levels in order of their mean target."""
    ranks = [_rank(attribute, target) for attribute in attributes]
    rows = np.arange(0, len(target), max(1, len(target) // _TREE_ROWS))
    X = np.stack([rank[attribute.codes[rows]] for attribute, rank in zip(attributes, ranks, strict=True)], axis=1)
    tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=max(1, int(_LEAST_SHARE * len(rows))), random_state=0)
    tree.fit(X.astype(np.float32), target[rows])
    leaves = (_levels(path, ranks) for path in _paths(tree.tree_))
    return [tuple((attributes[a].name, allowed) for a, allowed in sorted(levels.items())) for levels in leaves]


def _rank(attribute: Attribute, target: NDArray[np.float64]) -> NDArray[np.int64]:
    """(levels,) place of each level on the tree's axis: by mean value for text, as it is for fifths."""
    size = len(attribute.levels)
    if attribute.ordered:
        return np.arange(size)
    rows = np.bincount(attribute.codes, minlength=size)
    mean = np.bincount(attribute.codes, target, minlength=size) / np.maximum(rows, 1)
    rank = np.empty(size, np.int64)
    rank[np.lexsort((np.arange(size), mean))] = np.arange(size)
    return rank


def _paths(tree: Any) -> list[list[tuple[int, bool, float]]]:
    """Per leaf its decisions: (attribute, goes left, threshold)."""
    out: list[list[tuple[int, bool, float]]] = []
    stack: list[tuple[int, list[tuple[int, bool, float]]]] = [(0, [])]
    while stack:
        node, path = stack.pop()
        if tree.children_left[node] < 0:
            out.append(path)
            continue
        feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
        stack.append((int(tree.children_right[node]), [*path, (feature, False, threshold)]))
        stack.append((int(tree.children_left[node]), [*path, (feature, True, threshold)]))
    return out


def _levels(path: list[tuple[int, bool, float]], ranks: list[NDArray[np.int64]]) -> dict[int, frozenset[int]]:
    """Per attribute of a leaf's path, the levels that lead there."""
    allowed: dict[int, NDArray[np.bool_]] = {}
    for feature, left, threshold in path:
        side = (ranks[feature] <= threshold) == left
        allowed[feature] = allowed.get(feature, np.ones(len(side), np.bool_)) & side
    return {feature: frozenset(np.flatnonzero(mask).tolist()) for feature, mask in allowed.items()}


def in_words(conditions: Conditions, attributes: Sequence[Attribute]) -> str:
    """A rule's sentence; empty where its conditions hold for all samples."""
    by_name = {attribute.name: attribute for attribute in attributes}
    return " and ".join(part for name, allowed in conditions if (part := by_name[name].says(allowed)))
