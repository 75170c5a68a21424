"""Compare every valuer, every model that learns, and recommenders, on the tuning periods; takes long."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.evaluation.claims import CLAIMS
from assay.evaluation.holdout import Scored, differences, estimates
from assay.importance import named as valuers
from assay.importance.linear_autoencoder import EaseImportance
from assay.importance.valuer import Importance
from assay.models.als import Als
from assay.models.capabilities import Baseline
from assay.models.item_to_item import Ease, ItemKnn
from assay.models.session_knn import SessionKnn
from assay.pages.verification import CHANCE, StudyCurves, StudyMethods, StudyModels, StudyRecommenders
from assay.runs.stage import Work, stage
from assay.selection.weights import floor_groups, hashed_order, remove
from assay.stages import materials as hand
from assay.stages.materials import LINEAR, TRAINING, VALUING
from assay.trials.curve import RESAMPLES
from assay.trials.systems import most_bought

SPENT = "study"  # of cost.json: seconds of each valuer ("methods") and of fitting each recommender
_FRACTION = 0.02  # removed from models other than the logistic regression, and by every valuer
_SETS = ("all", "most bought")
_NAMES = tuple(kind.name for kind in (Ease, ItemKnn, SessionKnn, Als))
Line = dict[str, Any]


@stage(
    follows=("clean", "samples", "features", "train", "value"),
    reads=("select.fractions", "select.floor", "models", "value", "text", "evaluate", "seed"),
    makes=("study/*",),
    pages=(StudyCurves, StudyModels, StudyMethods, StudyRecommenders),
)
def study(work: Work) -> None:
    """study/: curves (what removing each fraction by each valuer of the run changes for the logistic regression), models
    (what removing 2 % changes for every other model), methods (every valuer there is, cost beside gain) and
    recommenders. All on tuning.
    """
    curves: list[Line] = []
    models: list[Line] = []
    others = [name for name, model in hand.unfitted_models(work).items() if name != LINEAR and not isinstance(model, Baseline)]
    fractions = work.config.select.fractions
    steps = (len(work.config.value.valuers) + 1) * (len(fractions) + len(others))
    steps += len(_valuers(work)) + len(_NAMES)
    done = 0

    def report() -> None:
        nonlocal done
        done += 1
        work.report(done, steps)

    full = {name: _score(work, hand.model(work, name)) for name in (LINEAR, *others)}
    for valuer, weights in _removals(work, [*fractions, _FRACTION]):
        for fraction in fractions:
            fitted = hand.retrained(work, LINEAR, weights[fraction])
            curves.append(_line(work, valuer, LINEAR, fraction, full[LINEAR], _score(work, fitted)))
            report()
        for name in others:
            again = hand.retrained(work, name, weights[_FRACTION])
            models.append(_line(work, valuer, name, _FRACTION, full[name], _score(work, again)))
            report()
    methods, recommenders = _methods(work, full, report), _recommenders(work, report)
    work.costs[SPENT] = {
        "methods": {line["valuer"]: line.pop("seconds") for line in methods if "seconds" in line},
        "recommenders": {line["model"]: line.pop("seconds") for line in recommenders if "seconds" in line},
    }
    work.folder.write(StudyCurves.model_validate({"lines": curves}))
    work.folder.write(StudyModels.model_validate({"lines": models}))
    work.folder.write(StudyMethods.model_validate({"lines": methods}))
    work.folder.write(StudyRecommenders.model_validate({"lines": recommenders}))


def _removals(work: Work, fractions: list[float]) -> Iterator[tuple[str | None, dict[float, Any]]]:
    """(valuer, weights by fraction): the lowest rows, or by chance (None), taken out under the config's floors."""
    train, groups, floor = hand.train(work), floor_groups(hand.train(work)), work.config.select.floor
    for valuer in (*work.config.value.valuers, None):
        if valuer is None:
            order = hashed_order(train.keys.column("sample_id").to_numpy(), work.config.seed)
        else:
            order = hand.importance(work, valuer).order()
        gone = {fraction: remove(order, round(fraction * len(train)), groups, floor) for fraction in fractions}
        yield valuer, {fraction: np.where(rows, 0.0, train.weight) for fraction, rows in gone.items()}


def _methods(work: Work, full: Mapping[str, Scored], report: Callable[[], None]) -> list[Line]:
    """Every valuer on the same folds: seconds, and what removing its lowest 2 % changes, against all and against random.

    Those of a neural model change that model, all others the logistic regression. set "all": of all samples. set "most
    bought": of the samples of the 10,000 most bought items, the only ones that EASE values. A valuer that this table cannot
    feed has its reason in place of figures.
    """
    train, validation = hand.train(work), hand.validation(work)
    sets = dict(zip(_SETS, (np.ones(len(train), bool), most_bought(train)[train.item]), strict=True))
    by_chance: dict[tuple[str, str], Scored] = {}
    lines: list[Line] = []
    for name in (CHANCE, *(name for name in _valuers(work) if name != CHANCE)):
        started = time.perf_counter()
        try:
            found = hand.value(work, name, validation, hand.rng(work, VALUING))
        except InputError as error:
            lines.append({"valuer": name, "why_not": str(error)})
            report()
            continue
        seconds = round(time.perf_counter() - started, 2)
        for model, which in _changed(work, name):
            scored = _score(work, hand.retrained(work, model, _without(work, found, sets[which])))
            line = {"set": which, "seconds": seconds} | _line(work, name, model, _FRACTION, full[model], scored)
            if name == CHANCE:
                by_chance[model, which] = scored
            else:
                against = hand.holdout(work, "tuning").difference(by_chance[model, which], scored, resamples=RESAMPLES)
                line["against_random"] = differences(against, CLAIMS)
            lines.append(line)
        report()
    return lines


def _valuers(work: Work) -> list[str]:
    """Every valuer; those of neural models where the run has these."""
    return valuers.every(hand.unfitted_models(work))


def _changed(work: Work, valuer: str) -> list[tuple[str, str]]:
    """(model, set of samples): what is retrained without a valuer's lowest samples."""
    model = hand.model_of(work, valuer)
    if model != LINEAR:
        return [(model, "all")]
    others = sorted({hand.model_of(work, name) for name in _valuers(work)} - {LINEAR}) if valuer == CHANCE else []
    sets = [which for which in _SETS if valuer != EaseImportance.name or which != "all"]
    return [(LINEAR, which) for which in sets] + [(other, "all") for other in others]


def _without(work: Work, found: Importance, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights without the lowest rows of a set."""
    order = found.order()
    order = order[inside[order]]
    gone = remove(order, round(_FRACTION * len(order)), floor_groups(hand.train(work)), work.config.select.floor)
    return np.where(gone, 0.0, hand.train(work).weight)


def _recommenders(work: Work, report: Callable[[], None]) -> list[Line]:
    """Recommenders on the same tuning requests as the run's models: measures with intervals, seconds to fit."""
    lines: list[Line] = []
    for name in _NAMES:
        started = time.perf_counter()
        try:
            fitted = hand.fit(work, hand.make(work, name), hand.train(work), hand.rng(work, TRAINING))
        except InputError as error:
            lines.append({"model": name, "why_not": str(error)})
        else:
            seconds = round(time.perf_counter() - started, 2)
            found = estimates(_score(work, fitted).measures, CLAIMS)
            lines.append({"model": name, "seconds": seconds, "tuning": found})
        report()
    lines += [
        {"model": name, "tuning": estimates(_score(work, hand.model(work, name)).measures, CLAIMS)} for name in hand.names(work)
    ]
    return lines


def _score(work: Work, model: Any) -> Scored:
    return hand.holdout(work, "tuning").score(model.predict, resamples=RESAMPLES)


def _line(work: Work, valuer: str | None, model: str, fraction: float, full: Scored, changed: Scored) -> Line:
    found = hand.holdout(work, "tuning").difference(full, changed, resamples=RESAMPLES)
    return {"valuer": valuer, "model": model, "fraction": fraction, "difference": differences(found, CLAIMS)}
