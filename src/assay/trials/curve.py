"""How much to take out: every declared change of the training weights is retrained and judged on tuning.

"Nothing" is one of the arms and wins unless another is better beyond chance: a removal that only looks good is
the most common artefact of data valuation (docs/decisions/0004).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.evaluation.claims import decides, hurts, verdict
from assay.evaluation.holdout import Holdout, Scored, claimed, differences, estimates
from assay.evaluation.scores import Difference, holm_together
from assay.evaluation.windows import FEWEST, Windows
from assay.findings.rules import explain
from assay.findings.segments import Attribute
from assay.importance.values import Vector
from assay.models.linear import LinearModel
from assay.samples.table import Samples
from assay.selection.arms import Arm
from assay.selection.weights import labels_differ, removed_share

RESAMPLES = 200  # on tuning, where only a standard error is needed
PLANTED = 0.01  # share of the positives whose label is put to another sample, to tell what trials can show
_LEVEL = 0.05


@dataclass(frozen=True)
class Tried:
    """What the trials on tuning showed, and the arm that they chose."""

    chosen: Arm
    curve: dict[str, Any]


def refit(model: LinearModel, train: Samples, weight: Vector) -> LinearModel:
    """The model under other weights, converged, started from its present coefficients."""
    return model.fresh().fit(train.with_weight(weight), rng=np.random.default_rng(0), start=model)


def try_arms(
    model: LinearModel,
    train: Samples,
    tuning: Holdout,
    arms: Sequence[Arm],
    progress: Callable[[int], None] | None = None,
) -> Tried:
    """Retrain on every arm, compare with the first (nothing) on tuning, and choose.

    Where removing by values does worse than removing at random, beyond chance, no arm by these values may be chosen.

    Of the arms whose loss is lower than nothing's beyond chance (Holm over all arms; users and windows of time both drawn by
    chance) and worse beyond chance in no window, and whose other claims (auc and ndcg@10) are not worse beyond chance, the one
    with the lowest tuning loss is chosen; where there is none, nothing is. Windows are the periods of tuning, three at least;
    rows that were not split by time have none, and people alone are chance. An arm for whose verdict tuning has too few
    requests or users is not chosen.
    """
    scored: dict[str, Scored] = {}
    compared: dict[str, dict[str, Difference]] = {}
    windows: dict[str, Windows] = {}
    for done, arm in enumerate(arms):
        if progress is not None:
            progress(done)
        fitted = model if arm.family == "nothing" else refit(model, arm.of(train), arm.weight)
        scored[arm.name] = tuning.score(fitted.predict, resamples=RESAMPLES)
        compared[arm.name] = tuning.difference(scored["nothing"], scored[arm.name], resamples=RESAMPLES)
        windows[arm.name] = tuning.windows(scored["nothing"], scored[arm.name])
    usable = _no_worse_than_random(tuning, arms, scored)
    allowed = [arm for arm in arms if arm.family != "random" and (usable or arm.valuer is None)]
    by_time = bool(train.period.max() < tuning.samples.period.min())
    chosen = choose(allowed, compared, windows, fewest=FEWEST if by_time else 1)
    lines = [
        {
            "arm": arm.name,
            "family": arm.family,
            "valuer": arm.valuer,
            "removed_fraction": removed_share(train.weight, arm.weight),
            "tuning": estimates(claimed(scored[arm.name].measures)),
            "difference": differences(claimed(compared[arm.name])) if arm.family != "nothing" else {},
            "over_windows": windows[arm.name].mean if arm.family != "nothing" else {},
            "windows": windows[arm.name].each if arm.family != "nothing" else {},
        }
        for arm in arms
    ]
    return Tried(chosen, {"chosen": chosen.name, "usable": usable, "arms": lines})


def _no_worse_than_random(tuning: Holdout, arms: Sequence[Arm], scored: Mapping[str, Scored]) -> bool:
    """Whether removing by values is not worse, in the loss beyond chance, than removing as many rows at random."""
    sizes = {arm.name: int(np.count_nonzero(arm.weight == 0)) for arm in arms}
    at_random = next((arm for arm in arms if arm.family == "random"), None)
    by_value = [arm for arm in arms if arm.family == "removal"]
    if at_random is None or not by_value:
        return True
    nearest = min(by_value, key=lambda arm: abs(sizes[arm.name] - sizes[at_random.name]))
    change = tuning.difference(scored[at_random.name], scored[nearest.name], resamples=RESAMPLES)
    return verdict(decides(change), change[decides(change)]) != "worse"


def choose(
    arms: Sequence[Arm],
    compared: Mapping[str, dict[str, Difference]],
    windows: Mapping[str, Windows],
    *,
    fewest: int = FEWEST,
) -> Arm:
    """The arm to take; arms[0] is nothing. compared: arm -> measure -> arm minus nothing; windows: the same by window of time.

    fewest: windows that a choice takes.
    """
    loss = decides(name for difference in compared.values() for name in difference)
    rivals = [arm for arm in arms[1:] if loss in compared[arm.name] and windows[arm.name].count >= fewest]
    if not rivals:
        return arms[0]
    adjusted = holm_together({arm.name: {loss: _over_windows(compared[arm.name], windows[arm.name], loss)} for arm in rivals})
    gain = {name: difference[loss] for name, difference in adjusted.items()}
    better = [
        arm
        for arm in rivals
        if verdict(loss, gain[arm.name]) == "better"
        and gain[arm.name]["p_holm"] < _LEVEL
        and not hurts(compared[arm.name])
        and not any(hurts({loss: window}) for window in windows[arm.name].each[loss])
    ]
    # Beyond chance first, then lowest: a low but uncertain arm must not hide one that surely gains.
    return min(better, key=lambda arm: gain[arm.name]["value"], default=arms[0])


def _over_windows(compared: Mapping[str, Difference], windows: Windows, loss: str) -> Difference:
    """An arm's change of the loss over users, with the interval and p that count windows as chance too."""
    change = compared[loss].copy()
    mean = windows.mean[loss]
    change["low"], change["high"], change["p"] = mean["low"], mean["high"], mean["p"]
    return change


def mended(model: LinearModel, train: Samples, tuning: Holdout, seed: int) -> dict[str, Any]:
    """What mending a planted defect would change on tuning: what the trials can show of a log where 1 % is wrong.

    The label of one positive in a hundred, and its weight, went to another sample that was a negative. Of continuous labels one
    sample in a hundred has the label of another.
    """
    draws = np.random.default_rng(seed)
    if not train.label_type.is_chance:
        return _planted(model, train.with_response(swapped(train, PLANTED, draws)[0]), train.weight, tuning, model)
    positive, negative = np.flatnonzero(train.label > 0), np.flatnonzero(train.label <= 0)
    count = min(max(1, round(PLANTED * len(positive))), len(positive) - 1, len(negative) - 1)
    if count < 1:
        return {}
    lost, wrong = draws.choice(positive, count, replace=False), draws.choice(negative, count, replace=False)
    label, weight = train.label.copy(), train.weight.copy()
    label[lost], label[wrong] = 0, 1
    weight[wrong] = train.weight[lost]
    return _planted(model, train.with_label(label), weight, tuning, model)


def swapped(train: Samples, share: float, draws: np.random.Generator) -> tuple[Vector, NDArray[np.bool_]]:
    """Responses (n,) of which a share were handed on in a ring, each to the next of the chosen samples; and which these are."""
    rows = draws.choice(len(train), max(2, round(share * len(train))), replace=False)
    response, wrong = train.response.copy(), np.zeros(len(train), bool)
    response[rows], wrong[rows] = response[np.roll(rows, 1)], True
    return response, wrong


def _planted(model: LinearModel, train: Samples, weight: Vector, tuning: Holdout, sound: LinearModel) -> dict[str, Any]:
    """What the sound model does on tuning, minus what one fitted on the faulty samples does."""
    fitted = refit(model, train, weight)
    scored = [tuning.score(one.predict, resamples=RESAMPLES) for one in (fitted, sound)]
    return differences(claimed(tuning.difference(*scored, resamples=RESAMPLES)))


def against_rule(
    model: LinearModel, train: Samples, tuning: Holdout, chosen: Arm, attributes: list[Attribute]
) -> dict[str, Any] | None:
    """The simplest rule that explains what the chosen arm changes, and what the same change by that rule does on tuning.

    A gain is believed only after the changed rows were looked at and their rule was tried in their place.
    None where nothing, or every row, is changed, and where labels are: no rule says which are wrong. difference: the rule's arm
    minus nothing; against_chosen: minus the chosen arm.
    """
    explained = explain(chosen.weight < train.weight, attributes) if chosen.response is None else None
    if explained is None:
        return None
    rule, covers, precision = explained
    changed = (chosen.weight < train.weight) & (train.weight > 0)
    factor = float((chosen.weight[changed] / train.weight[changed]).mean())
    by_rule = np.where(rule.matches(attributes), factor * train.weight, train.weight)
    if not labels_differ(train, by_rule):
        return None
    fitted = [model, refit(model, train, chosen.weight), refit(model, train, by_rule)]
    scored = [tuning.score(one.predict, resamples=RESAMPLES) for one in fitted]
    return {
        "rule": rule.sentence,
        "rows": rule.rows,
        "covers": covers,
        "precision": precision,
        "factor": factor,
        "difference": differences(claimed(tuning.difference(scored[0], scored[2], resamples=RESAMPLES))),
        "against_chosen": differences(claimed(tuning.difference(scored[1], scored[2], resamples=RESAMPLES))),
    }
