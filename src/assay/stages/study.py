"""The long comparison, on the tuning periods: every valuer, every model that learns, recommenders."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config import BASELINES
from assay.errors import InputError
from assay.evaluation.claims import CLAIMS
from assay.evaluation.holdout import Scored, differences, estimates
from assay.importance import named as valuers
from assay.importance.named import VALUED
from assay.importance.valuer import Importance
from assay.runs.store import write_json
from assay.selection.weights import floor_groups, hashed_order, remove
from assay.stages.workbench import Workbench
from assay.trials.curve import RESAMPLES
from assay.trials.systems import most_bought

CURVES, MODELS, METHODS = "study/curves.json", "study/models.json", "study/methods.json"
RECOMMENDERS = "study/recommenders.json"
_RANDOM = "random"  # the valuer of chance
_FRACTION = 0.02  # removed from models other than the logistic regression, and by every valuer
_SETS = ("all", "most bought")
_NAMES = ("ease", "item_knn", "session_knn", "als")
Line = dict[str, Any]


def study(bench: Workbench) -> list[str]:
    """study/: curves (what removing each fraction by each valuer of the run changes for the logistic regression), models
    (what removing 2 % changes for every other model), methods (every valuer there is, cost beside gain) and
    recommenders. All on tuning.
    """
    pages: dict[str, Any] = {CURVES: [], MODELS: []}
    others = [name for name in bench.names if name not in (VALUED, *BASELINES)]
    fractions = bench.config.select.fractions
    steps = (len(bench.config.value.valuers) + 1) * (len(fractions) + len(others))
    steps += len(_valuers(bench)) + len(_NAMES)
    done = 0

    def report() -> None:
        nonlocal done
        done += 1
        bench.report("study", done, steps)

    full = {name: _score(bench, bench.model(name)) for name in (VALUED, *others)}
    for valuer, weights in _removals(bench, [*fractions, _FRACTION]):
        for fraction in fractions:
            fitted = bench.retrained(VALUED, weights[fraction])
            pages[CURVES].append(_line(bench, valuer, VALUED, fraction, full[VALUED], _score(bench, fitted)))
            report()
        for name in others:
            again = bench.retrained(name, weights[_FRACTION])
            pages[MODELS].append(_line(bench, valuer, name, _FRACTION, full[name], _score(bench, again)))
            report()
    pages[METHODS] = _methods(bench, full, report)
    pages[RECOMMENDERS] = _recommenders(bench, report)
    for name, content in pages.items():
        write_json(bench.run.path(name), content)
    return list(pages)


def _removals(bench: Workbench, fractions: list[float]) -> Iterator[tuple[str | None, dict[float, Any]]]:
    """(valuer, weights by fraction): the lowest rows, or by chance (None), taken out under the config's floors."""
    train, groups, floor = bench.train, floor_groups(bench.train), bench.config.select.floor
    for valuer in (*bench.config.value.valuers, None):
        if valuer is None:
            order = hashed_order(train.keys.column("sample_id").to_numpy(), bench.config.seed)
        else:
            order = bench.importance(valuer).order()
        gone = {fraction: remove(order, round(fraction * len(train)), groups, floor) for fraction in fractions}
        yield valuer, {fraction: np.where(rows, 0.0, train.weight) for fraction, rows in gone.items()}


def _methods(bench: Workbench, full: Mapping[str, Scored], report: Callable[[], None]) -> list[Line]:
    """Every valuer on the same folds: seconds, and what removing its lowest 2 % changes, against all and against random.

    Those of a neural model change that model, all others the logistic regression. set "all": of all samples. set "most
    bought": of the samples of the 10,000 most bought items, the only ones that EASE values. A valuer that this table cannot
    feed has its reason in place of figures.
    """
    train, validation = bench.train, bench.load("validation")
    sets = dict(zip(_SETS, (np.ones(len(train), bool), most_bought(train)[train.item]), strict=True))
    by_chance: dict[tuple[str, str], Scored] = {}
    lines: list[Line] = []
    for name in (_RANDOM, *(name for name in _valuers(bench) if name != _RANDOM)):
        started = time.perf_counter()
        try:
            found = bench.value(name, validation, bench.rng("value"))
        except InputError as error:
            lines.append({"valuer": name, "why_not": str(error)})
            report()
            continue
        seconds = round(time.perf_counter() - started, 2)
        for model, which in _changed(bench, name):
            scored = _score(bench, bench.retrained(model, _without(bench, found, sets[which])))
            line = {"set": which, "seconds": seconds} | _line(bench, name, model, _FRACTION, full[model], scored)
            if name == _RANDOM:
                by_chance[model, which] = scored
            else:
                against = bench.tuning.difference(by_chance[model, which], scored, resamples=RESAMPLES)
                line["against_random"] = differences(against, CLAIMS)
            lines.append(line)
        report()
    return lines


def _valuers(bench: Workbench) -> list[str]:
    """Every valuer; those of neural models where the run has these."""
    return [*valuers.VALUERS, *valuers.neural_of(bench.names)]


def _changed(bench: Workbench, valuer: str) -> list[tuple[str, str]]:
    """(model, set of samples): what is retrained without a valuer's lowest samples."""
    model = valuers.model_of(valuer)
    if model != VALUED:
        return [(model, "all")]
    nets = sorted({valuers.model_of(name) for name in valuers.neural_of(bench.names)}) if valuer == _RANDOM else []
    return [(VALUED, which) for which in _SETS if valuer != "ease" or which != "all"] + [(net, "all") for net in nets]


def _without(bench: Workbench, found: Importance, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights without the lowest rows of a set."""
    order = found.order()
    order = order[inside[order]]
    gone = remove(order, round(_FRACTION * len(order)), floor_groups(bench.train), bench.config.select.floor)
    return np.where(gone, 0.0, bench.train.weight)


def _recommenders(bench: Workbench, report: Callable[[], None]) -> list[Line]:
    """Recommenders on the same tuning requests as the run's models: measures with intervals, seconds to fit."""
    lines: list[Line] = []
    for name in _NAMES:
        started = time.perf_counter()
        try:
            fitted = bench.make(name).fit(bench.train, rng=bench.rng("train"))
        except InputError as error:
            lines.append({"model": name, "why_not": str(error)})
        else:
            seconds = round(time.perf_counter() - started, 2)
            found = estimates(_score(bench, fitted).measures, CLAIMS)
            lines.append({"model": name, "seconds": seconds, "tuning": found})
        report()
    lines += [{"model": name, "tuning": estimates(_score(bench, bench.model(name)).measures, CLAIMS)} for name in bench.names]
    return lines


def _score(bench: Workbench, model: Any) -> Scored:
    return bench.tuning.score(model.predict, resamples=RESAMPLES)


def _line(bench: Workbench, valuer: str | None, model: str, fraction: float, full: Scored, changed: Scored) -> Line:
    found = bench.tuning.difference(full, changed, resamples=RESAMPLES)
    return {"valuer": valuer, "model": model, "fraction": fraction, "difference": differences(found, CLAIMS)}
