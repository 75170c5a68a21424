"""Are values true? Curves by retraining, planted noise, random subsets, other seeds, another model; all with intervals.

Nothing here is read off the values alone: every figure is a retraining on data that the values were not made with, or a
fault that was planted and is looked for. (Removal curves: Ghorbani and Zou, ICML 2019; the linear datamodeling score:
Park et al., "TRAK", ICML 2023.)
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from assay.evaluation.claims import DECIDES_RANKED, decides
from assay.evaluation.holdout import Holdout, Scored, claimed, differences
from assay.importance.valuer import Importance, Valuer
from assay.language import english
from assay.models.linear import LinearModel
from assay.models.scorer import Scorer
from assay.models.twins import refitted
from assay.numerics.measures import auc
from assay.numerics.statistics import holm
from assay.samples.table import Samples
from assay.selection.weights import floor_groups, labels_differ, remove
from assay.trials.curve import RESAMPLES, refit, swapped

Vector = NDArray[np.float64]
Positions = NDArray[np.int64]
Line = dict[str, Any]
REMOVED, ADDED = (0.01, 0.02, 0.05, 0.1), (0.1, 0.3)  # shares of the rows
SWAPPED = "swapped labels"
NOISES = ("flipped labels", "random clicks", "popularity-shaped clicks")
_LEVEL = 0.05
_LEAST_LIKELY = 1e-15


def curves(
    model: LinearModel,
    train: Samples,
    tuning: Holdout,
    chance: Positions,
    orders: Mapping[str, Positions],
    floor: float,
    progress: Callable[[int, int], None] | None = None,
) -> list[Line]:
    """Retrain without the worst rows of each order, and with its best rows alone.

    chance: positions (n,) in random order. orders: name of a valuer -> positions (n,), worst first. One line per order,
    kind (removal or addition) and fraction: `valuer` (None for chance), `difference` to all samples and `against_random`
    at the same size, on tuning, paired by user, each with value, low, high and p.
    """
    full = tuning.score(model.predict, resamples=RESAMPLES)
    groups, n = floor_groups(train), len(train)
    tried: list[tuple[str | None, Positions]] = [(None, chance), *orders.items()]
    lines: list[Line] = []
    by_chance: dict[tuple[str, float], Scored] = {}
    steps = [("removal", fraction) for fraction in REMOVED] + [("addition", fraction) for fraction in ADDED]
    for done, ((valuer, order), (kind, fraction)) in enumerate(product(tried, steps)):
        if progress is not None:
            progress(done, len(tried) * len(steps))
        if kind == "removal":
            gone = remove(order, round(fraction * n), groups, floor)
        else:
            gone = np.ones(n, bool)
            gone[order[n - round(fraction * n) :]] = False
        weight = np.where(gone, 0.0, train.weight)
        if not labels_differ(train, weight):
            continue
        scored = tuning.score(refit(model, train, weight).predict, resamples=RESAMPLES)
        line: Line = {"valuer": valuer, "kind": kind, "fraction": fraction}
        line["difference"] = differences(claimed(tuning.difference(full, scored, resamples=RESAMPLES)))
        if valuer is None:
            by_chance[kind, fraction] = scored
        elif (kind, fraction) in by_chance:
            against = tuning.difference(by_chance[kind, fraction], scored, resamples=RESAMPLES)
            line["against_random"] = differences(claimed(against))
        lines.append(line)
    return lines


def verdict(lines: Sequence[Line], name: str) -> Line:
    """Whether a valuer's order may be used for removal: usable, better and worse amounts, and a plain sentence.

    By the loss of removals against random ones of the same size, Holm over the amounts. Worse at any amount and better at
    none: not to be used. An amount at which tuning has too few requests to tell is neither.
    """
    own = [line for line in lines if line["valuer"] == name and line["kind"] == "removal" and "against_random" in line]
    against_random = [line["against_random"][decides(line["against_random"])] for line in own]
    adjusted = holm([entry["p"] if entry["p"] is not None else 1.0 for entry in against_random])
    told = [
        (o["fraction"], e["value"] or 0)
        for o, e, p in zip(own, against_random, adjusted, strict=True)
        if p < _LEVEL and e.get("needs") is None
    ]
    better, worse = [share for share, value in told if value < 0], [share for share, value in told if value > 0]
    needs = [entry["needs"] for entry in against_random if entry.get("needs") is not None]
    shown = {tuple(side): ", ".join(f"{100 * fraction:g} %" for fraction in side) for side in (better, worse)}
    if worse and not better:
        sentence = english(
            "Do not remove samples by {name}: worse than removing at random (at {name_amounts}).",
            name=name,
            name_amounts=shown[tuple(worse)],
        )
    elif better and not worse:
        sentence = english(
            "Removing by {name} is better than removing at random (at {name_amounts}).",
            name=name,
            name_amounts=shown[tuple(better)],
        )
    elif better:
        sentence = english(
            "By {name}: better than random at {name_better}, worse at {name_worse}; small amounts only.",
            name=name,
            name_better=shown[tuple(better)],
            name_worse=shown[tuple(worse)],
        )
    elif len(needs) == len(own) and own:
        sentence = english(
            "This tuning set has too few requests to tell removing by {name} from removing at random: it would take some "
            "{number}.",
            name=name,
            number=f"{max(needs):,.0f}",
        )
    else:
        sentence = english("Removing by {name} cannot be told from removing at random on this tuning set.", name=name)
    return {"valuer": name, "usable": bool(better) or not worse, "better": better, "worse": worse, "sentence": sentence}


def noises(train: Samples) -> tuple[str, ...]:
    """The kinds of wrong labels that can be planted among samples."""
    return NOISES if train.label_type.is_chance else (SWAPPED,)


def planted(train: Samples, kind: str, share: float, seed: int) -> tuple[Samples, NDArray[np.bool_]]:
    """Samples with a share of wrong labels, and which rows (n,) they are.

    flipped labels: of all rows. random clicks: negatives that become positives. popularity-shaped clicks: the same, more
    often for items that are taken often. Of continuous labels: swapped labels, each of another wrong row. ValueError for another
    kind.
    """
    kinds = noises(train)
    if kind not in kinds:
        raise ValueError(f"kind is {kind!r}; give one of {', '.join(kinds)}")
    rng, n = np.random.default_rng([seed, kinds.index(kind)]), len(train)
    if not train.label_type.is_chance:
        response, swaps = swapped(train, share, rng)
        return train.with_response(response), swaps
    chance = np.ones(n) if kind == NOISES[0] else (train.label == 0).astype(np.float64)
    if kind == NOISES[2]:
        shaped = chance * np.bincount(train.item, train.label, minlength=int(train.item.max()) + 1)[train.item]
        chance = shaped if shaped.any() else chance  # where every row has an item of its own, none is popular
    count = min(round(share * n), int(np.count_nonzero(chance)))
    wrong = np.zeros(n, bool)
    wrong[rng.choice(n, count, replace=False, p=chance / chance.sum())] = True
    return train.with_label(np.where(wrong, 1 - train.label, train.label).astype(np.int8)), wrong


def detection(
    model: LinearModel,
    train: Samples,
    validation: Samples,
    valuers: Sequence[Valuer],
    *,
    share: float,
    folds: int,
    seed: int,
) -> list[Line]:
    """How well each valuer finds planted noise: one line a kind of noise and valuer, auc and precision at the planted count.

    The model is refitted on the noisy labels first; intervals are Hanley and McNeil's (1982) and Wilson's.
    """
    lines: list[Line] = []
    for kind in noises(train):
        noisy, wrong = planted(train, kind, share, seed)
        fitted = refitted(model, noisy, rng=np.random.default_rng(seed))
        for valuer in valuers:
            rng = np.random.default_rng(seed)
            importance = valuer.value(noisy, validation, model=fitted, utility=train.label_type.loss, folds=folds, rng=rng)
            place = np.empty(len(noisy))
            place[importance.order()] = np.arange(len(noisy))
            lines.append({"noise": kind, "valuer": valuer.name, "share": share, **detected(wrong, -place)})
    return lines


def detected(wrong: NDArray[np.bool_], suspicion: Vector) -> Line:
    """auc and precision (of as many rows of highest suspicion as are wrong), each with value, low and high."""
    m, n = int(wrong.sum()), int((~wrong).sum())
    area = auc(wrong, suspicion)
    both, either = area / (2 - area), 2 * area**2 / (1 + area)
    error = np.sqrt((area * (1 - area) + (m - 1) * (both - area**2) + (n - 1) * (either - area**2)) / (m * n))
    hits = int(wrong[np.argsort(-suspicion, kind="stable")[:m]].sum())
    interval = stats.binomtest(hits, m).proportion_ci(method="wilson")
    return {
        "auc": {"value": area, "low": max(0.0, area - 1.96 * error), "high": min(1.0, area + 1.96 * error)},
        "precision": {"value": hits / m, "low": float(interval.low), "high": float(interval.high)},
        "chance": m / (m + n),
    }


def datamodel_score(
    retrain: Callable[[Vector], Scorer],
    train: Samples,
    validation: Samples,
    tuning: Holdout,
    values: Mapping[str, Vector],
    *,
    subsets: int,
    share: float,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, dict[str, Line]]:
    """Linear datamodeling score of each valuer: Spearman of summed values and the utility after retraining on subsets.

    retrain(weight (n,)) gives the model fitted so; subsets are random draws of `share` of the rows. datamodel_score: the
    utility is minus the mean validation loss; ranking_score: the mean ndcg@10 of tuning requests, where there are some.
    Each has one line per valuer: value, low and high (Fisher's z with the variance of Bonett and Wright 2000 for ranks).
    """
    utility: dict[str, list[float]] = {"datamodel_score": [], "ranking_score": []}
    sums: dict[str, list[float]] = {name: [] for name in values}
    for k in range(subsets):
        if progress is not None:
            progress(k, subsets)
        kept = np.random.default_rng([seed, k]).random(len(train)) < share
        fitted = retrain(np.where(kept, train.weight, 0.0))
        loss = np.average(_row_losses(fitted.predict(validation), validation), weights=validation.weight)
        utility["datamodel_score"].append(-float(loss))
        if tuning.candidates is not None:
            estimate = tuning.score(fitted.predict, resamples=2).measures.get(DECIDES_RANKED)
            utility["ranking_score"].append(float(estimate["value"]) if estimate else np.nan)
        for name, value in values.items():
            sums[name].append(float(value[kept].sum()))
    return {
        page: {name: rank_correlation(np.array(summed), np.array(measured)) for name, summed in sums.items()}
        for page, measured in utility.items()
        if measured and np.isfinite(measured).all()
    }


def _row_losses(predicted: Vector, samples: Samples) -> Vector:
    """(n,) loss of each row; of a probability the likelihood is kept above _LEAST_LIKELY."""
    if not samples.label_type.is_chance:
        return samples.label_type.losses(predicted, samples.response)
    likelihood = np.abs(1.0 - samples.label - predicted)
    return np.asarray(-np.log(np.maximum(likelihood, _LEAST_LIKELY)))


def rank_correlation(a: Vector, b: Vector) -> Line:
    """Spearman's correlation of two (n,) with its 95 % interval; 0 where one of them does not vary."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return {"value": 0.0, "low": None, "high": None}
    r = float(stats.spearmanr(a, b).statistic)
    if len(a) < 4 or abs(r) >= 1:
        return {"value": r, "low": None, "high": None}
    half = 1.96 * np.sqrt((1 + r * r / 2) / (len(a) - 3))
    return {"value": r, "low": float(np.tanh(np.arctanh(r) - half)), "high": float(np.tanh(np.arctanh(r) + half))}


def stability(by_seed: Sequence[Importance], fraction: float = 0.02) -> dict[str, Line]:
    """How alike values are: `seeds`, `folds`: mean Spearman over pairs of seeds and of folds; `lowest`: shared share of the
    lowest `fraction` over pairs of seeds. Each with value, low and high (the least and the most of the pairs)."""
    count = max(1, round(fraction * len(by_seed[0].value)))
    lowest = [set(one.order()[:count].tolist()) for one in by_seed]
    pairs: dict[str, list[float]] = {"seeds": [], "folds": [], "lowest": []}
    for a, b in combinations(range(len(by_seed)), 2):
        pairs["seeds"].append(float(stats.spearmanr(by_seed[a].value, by_seed[b].value).statistic))
        pairs["lowest"].append(len(lowest[a] & lowest[b]) / count)
    folds = by_seed[0].per_fold
    if folds is not None:
        pairs["folds"] = [float(stats.spearmanr(a, b).statistic) for a, b in combinations(folds, 2)]
    finite = {name: [r for r in values if np.isfinite(r)] for name, values in pairs.items()}
    return {
        name: {"value": float(np.mean(rs)), "low": min(rs), "high": max(rs)} for name, rs in finite.items() if rs
    }  # fmt: skip
