"""Check by retraining whether a run's values are true; takes minutes, and adds a section to the report."""

import time
from collections.abc import Callable

import numpy as np

from assay.importance import named as valuers
from assay.importance.stored import values_file
from assay.importance.valuer import Importance
from assay.models.capabilities import Baseline
from assay.pages.parts import Estimate
from assay.pages.verification import (
    CHANCE,
    Agreement,
    CurvePoint,
    Detection,
    Transferred,
    Verdict,
    Verdicts,
    VerifyAgreement,
    VerifyCurves,
    VerifyNoise,
    VerifyTransfer,
)
from assay.runs.stage import Work, stage
from assay.samples.table import Samples
from assay.stages import materials as hand
from assay.trials import verify as trials
from assay.trials.transfer import Proxy, transfer

SPENT = "verify"  # of cost.json: seconds that the values of each order took
_YARDSTICKS = ("recency", "popularity", "loss", "self_score")
_NOISY = 0.05  # share of planted noise
_SUBSETS, _HALF = 24, 0.5
_FEWER = 12  # subsets that a neural model is retrained on
_SEEDS = 3
_TRANSFERRED = 0.02
_CARRIED = ("self_score",)  # of the yardsticks, those that other models are tried without


@stage(
    follows=("clean", "samples", "features", "train", "value"),
    reads=("select.valuer", "select.floor", "models", "value", "text", "evaluate", "seed"),
    makes=("verify/*",),
    pages=(Verdicts, VerifyCurves, VerifyAgreement, VerifyNoise, VerifyTransfer),
)
def verify(work: Work) -> None:
    """verify/: curves, noise, agreement, transfer and verdict as JSON; progress counts retrainings, roughly."""
    config, train, validation, tuning = work.config, hand.train(work), hand.validation(work), hand.holdout(work, "tuning")
    linear, main = hand.precondition(work), config.select.valuer
    neural = [
        name for name in dict.fromkeys((*config.value.valuers, main)) if hand.model_of(work, name) != hand.linear_name(work)
    ]
    nets = {hand.model_of(work, name) for name in neural}
    proxies = [name for name in dict.fromkeys((main, *_CARRIED, *config.value.valuers)) if name != "probability"]
    others = {name: hand.model(work, name) for name in hand.names(work)}
    others = {name: model for name, model in others.items() if not isinstance(model, Baseline)}
    if not neural:
        others.pop(hand.linear_name(work))  # its curves say more
    first, subsets = (2 + len(_YARDSTICKS)) * (len(trials.REMOVED) + len(trials.ADDED)), _SUBSETS + _FEWER * len(nets)
    steps = first + subsets + len(others) * (1 + len(proxies))

    def after(steps_before: int) -> Callable[[int, int], None]:
        return lambda done, _: work.report(steps_before + done, steps)

    timed = {name: _made(work, name, validation) for name in dict.fromkeys((main, CHANCE, *_YARDSTICKS, *proxies))}
    values = {name: importance for name, (importance, _) in timed.items()}
    orders = {name: values[name].order() for name in dict.fromkeys((main, *_YARDSTICKS))}
    lines = trials.curves(linear, train, tuning, values[CHANCE].order(), orders, config.select.floor, after(0))
    scores = _scores(work, validation, {name: values[name] for name in (main, CHANCE, *orders, *neural)}, after, first)
    again = [values[main], *(_values(work, main, validation, config.seed + k) for k in range(1, _SEEDS))]
    found_by = [valuers.make(name) for name in dict.fromkeys((main, "loss", "self_score")) if name not in neural]
    carried = {
        name: Proxy(values[name].order(), values[name].metadata.get("model", ""), timed[name][1]) for name in (CHANCE, *proxies)
    }
    chance = carried[CHANCE]
    if CHANCE not in proxies:
        carried.pop(CHANCE)
    noise = trials.detection(linear, train, validation, found_by, share=_NOISY, folds=config.value.folds, seed=config.seed)
    transferred = transfer(
        others, train, tuning, chance, carried, fraction=_TRANSFERRED, floor=config.select.floor, seed=config.seed,
        progress=after(first + subsets),
    )  # fmt: skip
    work.costs[SPENT] = {line["valuer"] or CHANCE: line.pop("seconds") for line in transferred}
    work.folder.write(Verdicts(lines=[Verdict.model_validate(trials.verdict(lines, name)) for name in orders]))
    work.folder.write(VerifyCurves(lines=[CurvePoint.model_validate(line) for line in lines]))
    agreement = VerifyAgreement(
        datamodel_score=scores["datamodel_score"],
        ranking_score=scores["ranking_score"],
        share=_HALF,
        stability=Estimate.each(trials.stability(again)),
    )
    work.folder.write(agreement)
    work.folder.write(VerifyNoise(lines=[Detection.model_validate(line) for line in noise]))
    work.folder.write(VerifyTransfer(lines=[Transferred.model_validate(line) for line in transferred]))
    work.report(steps, steps)


def _scores(
    work: Work,
    validation: Samples,
    values: dict[str, Importance],
    after: Callable[[int], Callable[[int, int], None]],
    before: int,
) -> dict[str, dict[str, Agreement]]:
    """Rank correlations with retraining on random subsets, of each valuer for the model that its values are of."""
    agreements: dict[str, dict[str, Agreement]] = {"datamodel_score": {}, "ranking_score": {}}
    groups: dict[str, list[str]] = {hand.linear_name(work): []}
    for name in values:
        groups.setdefault(hand.model_of(work, name), []).append(name)
    for model, names in groups.items():
        subsets = _SUBSETS if model == hand.linear_name(work) else _FEWER
        scores = trials.datamodel_score(
            hand.retraining(work, model), hand.train(work), validation, hand.holdout(work, "tuning"),
            {name: values[name].value for name in names},
            subsets=subsets, share=_HALF, seed=work.config.seed, progress=after(before),
        )  # fmt: skip
        before += subsets
        for score, by_valuer in scores.items():
            agreements[score] |= {name: Agreement(model=model, subsets=subsets, **one) for name, one in by_valuer.items()}
    return agreements


def _made(work: Work, name: str, validation: Samples) -> tuple[Importance, float]:
    """Values and the seconds they took (NaN: nobody knows any more): the run's own where it has them."""
    if work.folder.exists(f"{values_file(name)}.parquet"):
        return hand.importance(work, name), float(hand.valuer_seconds(work).get(name, "nan"))
    started = time.perf_counter()
    return _values(work, name, validation, work.config.seed), time.perf_counter() - started


def _values(work: Work, name: str, validation: Samples, seed: int) -> Importance:
    return hand.value(work, name, validation, np.random.default_rng(seed))
