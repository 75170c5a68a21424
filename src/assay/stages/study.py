"""Compare every valuer, every model that learns, and recommenders, on the tuning set; takes long."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.evaluation.holdout import Scored, claimed, differences, estimates
from assay.importance import named as valuers
from assay.importance.linear_autoencoder import EaseImportance
from assay.importance.valuer import Importance
from assay.models.als import Als
from assay.models.capabilities import Baseline
from assay.models.item_to_item import Ease, ItemKnn
from assay.models.scorer import Scorer
from assay.models.session_knn import SessionKnn
from assay.pages.parts import Change, Estimate
from assay.pages.verification import (
    CHANCE,
    Method,
    Retrained,
    StudiedModel,
    StudyCurves,
    StudyMethods,
    StudyModels,
    StudyRecommenders,
)
from assay.runs.stage import Work, stage
from assay.selection.weights import floor_groups, hashed_order, remove
from assay.stages import materials as hand
from assay.stages.materials import TRAINING, VALUING
from assay.trials.curve import RESAMPLES
from assay.trials.systems import most_bought

SPENT = "study"  # of cost.json: seconds of each valuer ("methods") and of fitting each recommender
_FRACTION = 0.02  # removed from models other than the logistic regression, and by every valuer
_SETS = ("all", "most bought")
_NAMES = tuple(kind.name for kind in (Ease, ItemKnn, SessionKnn, Als))
Seconds = dict[str, float]


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
    curves: list[Retrained] = []
    models: list[Retrained] = []
    others = [
        name
        for name, model in hand.unfitted_models(work).items()
        if name != hand.linear_name(work) and not isinstance(model, Baseline)
    ]
    fractions = work.config.select.fractions
    steps = (len(work.config.value.valuers) + 1) * (len(fractions) + len(others))
    steps += len(_valuers(work)) + len(_NAMES)
    done = 0

    def report() -> None:
        nonlocal done
        done += 1
        work.report(done, steps)

    full = {name: _score(work, hand.model(work, name)) for name in (hand.linear_name(work), *others)}
    for valuer, weights in _removals(work, [*fractions, _FRACTION]):
        for fraction in fractions:
            fitted = hand.retrained(work, hand.linear_name(work), weights[fraction])
            difference = _difference(work, full[hand.linear_name(work)], _score(work, fitted))
            curves.append(Retrained(model=hand.linear_name(work), valuer=valuer, fraction=fraction, difference=difference))
            report()
        for name in others:
            again = hand.retrained(work, name, weights[_FRACTION])
            difference = _difference(work, full[name], _score(work, again))
            models.append(Retrained(model=name, valuer=valuer, fraction=_FRACTION, difference=difference))
            report()
    methods, seconds_valuing = _methods(work, full, report)
    recommenders, seconds_fitting = _recommenders(work, report)
    work.costs[SPENT] = {"methods": seconds_valuing, "recommenders": seconds_fitting}
    work.folder.write(StudyCurves(lines=curves))
    work.folder.write(StudyModels(lines=models))
    work.folder.write(StudyMethods(lines=methods))
    work.folder.write(StudyRecommenders(lines=recommenders))


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


def _methods(work: Work, full: Mapping[str, Scored], report: Callable[[], None]) -> tuple[list[Method], Seconds]:
    """Every valuer on the same folds: what removing its lowest 2 % changes, against all and against random; and its seconds.

    Those of a neural model change that model, all others the logistic regression. set "all": of all samples. set "most
    bought": of the samples of the 10,000 most bought items, the only ones that EASE values. A valuer that this table cannot
    feed has its reason in place of figures.
    """
    train, validation = hand.train(work), hand.validation(work)
    sets = dict(zip(_SETS, (np.ones(len(train), bool), most_bought(train)[train.item]), strict=True))
    by_chance: dict[tuple[str, str], Scored] = {}
    lines: list[Method] = []
    seconds: Seconds = {}
    for name in (CHANCE, *(name for name in _valuers(work) if name != CHANCE)):
        started = time.perf_counter()
        try:
            importance = hand.value(work, name, validation, hand.rng(work, VALUING))
        except InputError as error:
            lines.append(Method(valuer=name, why_not=str(error)))
            report()
            continue
        seconds[name] = round(time.perf_counter() - started, 2)
        for model, which in _changed(work, name):
            scored = _score(work, hand.retrained(work, model, _without(work, importance, sets[which])))
            line = Method(
                valuer=name,
                model=model,
                set=which,
                fraction=_FRACTION,
                difference=_difference(work, full[model], scored),
                against_random=None if name == CHANCE else _difference(work, by_chance[model, which], scored),
            )
            lines.append(line)
            if name == CHANCE:
                by_chance[model, which] = scored
        report()
    return lines, seconds


def _valuers(work: Work) -> list[str]:
    """Every valuer; those of neural models where the run has these."""
    return valuers.every(hand.unfitted_models(work), hand.label_type(work))


def _changed(work: Work, valuer: str) -> list[tuple[str, str]]:
    """(model, set of samples): what is retrained without a valuer's lowest samples."""
    model = hand.model_of(work, valuer)
    if model != hand.linear_name(work):
        return [(model, "all")]
    others = sorted({hand.model_of(work, name) for name in _valuers(work)} - {hand.linear_name(work)}) if valuer == CHANCE else []
    sets = [which for which in _SETS if valuer != EaseImportance.name or which != "all"]
    return [(hand.linear_name(work), which) for which in sets] + [(other, "all") for other in others]


def _without(work: Work, importance: Importance, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights without the lowest rows of a set."""
    order = importance.order()
    order = order[inside[order]]
    gone = remove(order, round(_FRACTION * len(order)), floor_groups(hand.train(work)), work.config.select.floor)
    return np.where(gone, 0.0, hand.train(work).weight)


def _recommenders(work: Work, report: Callable[[], None]) -> tuple[list[StudiedModel], Seconds]:
    """Recommenders on the same tuning requests as the run's models: measures with intervals; and seconds to fit."""
    lines: list[StudiedModel] = []
    seconds: Seconds = {}
    for name in _NAMES:
        started = time.perf_counter()
        try:
            fitted = hand.fit(work, hand.make(work, name), hand.train(work), hand.rng(work, TRAINING))
        except InputError as error:
            lines.append(StudiedModel(model=name, why_not=str(error)))
        else:
            seconds[name] = round(time.perf_counter() - started, 2)
            lines.append(_studied(work, name, fitted))
        report()
    return [*lines, *(_studied(work, name, hand.model(work, name)) for name in hand.names(work))], seconds


def _studied(work: Work, name: str, model: Scorer) -> StudiedModel:
    return StudiedModel(model=name, tuning=Estimate.each(estimates(claimed(_score(work, model).measures))))


def _score(work: Work, model: Scorer) -> Scored:
    return hand.holdout(work, "tuning").score(model.predict, resamples=RESAMPLES)


def _difference(work: Work, full: Scored, changed: Scored) -> dict[str, Change]:
    return Change.each(differences(claimed(hand.holdout(work, "tuning").difference(full, changed, resamples=RESAMPLES))))
