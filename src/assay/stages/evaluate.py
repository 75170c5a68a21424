"""Compare on the untouched test set, once: models, the selection, a smaller training set, groups."""

import numpy as np
import pyarrow as pa

from assay.config import Config
from assay.evaluation import calibration, leaks, usual_groups
from assay.evaluation.amounts import calibration_of_amounts
from assay.evaluation.claims import DECIDES_RANKED
from assay.evaluation.groups import group_predictions
from assay.evaluation.holdout import Scored, best_model, claimed, details, differences, estimates, own_measures
from assay.logs.clean_log import CleanLog
from assay.models.baselines import BuyItAgain, Popularity
from assay.models.boosting import LightGBM
from assay.models.scorer import Scorer
from assay.numerics.linearised import pooled_by_request
from assay.numerics.periods import microseconds
from assay.pages.evaluation import (
    Bin,
    Calibration,
    Consulted,
    Differences,
    GroupMeasure,
    Groups,
    Leak,
    Leaks,
    ModelsTested,
    Recommended,
    Selected,
    Selection,
    Standing,
    Subsample,
)
from assay.pages.gaps import GapChange, Gaps
from assay.pages.parts import Change, Effect, Estimate, Tested
from assay.pages.selection import Curve
from assay.runs.stage import Work, stage
from assay.samples import stored
from assay.selection import weights as selection
from assay.selection.arms import Arm, same_size
from assay.stages import materials as hand
from assay.stages.materials import TASK, TRAINING
from assay.trials.curve import RESAMPLES, refit
from assay.trials.gaps import fairlearn, of_change, of_models
from assay.trials.subsample import draws

OTHER = LightGBM.name  # the other model that the selection is tried on
CHANCE = "chance"
RULES = (Popularity.name, BuyItAgain.name)  # with chance, what a served model must beat


def _measures(config: Config) -> None:
    """Raise now where a measure of the user's own cannot be imported, or what measures groups is not installed."""
    own_measures(config.evaluate)
    if config.evaluate.groups:
        fairlearn()


@stage(
    follows=("clean", "samples", "features", "train", "value", "select", "recommend"),
    reads=("evaluate", "recommend.model", "select.valuer", "select.floor", "select.subsample", *TASK, "models", "text", "seed"),
    makes=("evaluation/*",),
    pages=(Leaks, ModelsTested, Calibration, Groups, Gaps, Selection, Differences, Subsample, Consulted),
    check=_measures,
)
def evaluate(work: Work) -> None:
    """evaluation/: every page of figures as JSON, and per-request scores as Parquet."""
    hand.forget_samples(work)
    work.folder.write(Leaks(lines=[Leak.model_validate(leak.to_dict()) for leak in leaks(stored.load(work.folder))]))
    names, main = hand.names(work), hand.linear_name(work)
    other, on_tuning = _other(work) if OTHER in names else (None, {})
    test, steps = hand.holdout(work, "test"), len(names) + 2
    scored: dict[str, Scored] = {}
    for done, name in enumerate(names):
        work.report(done, steps)
        scored[name] = test.score(hand.predict(work, name, "test"))
        if scored[name].per_request is not None:
            work.folder.write_table(f"evaluation/requests/{name}.parquet", _with_pooled(work, scored[name]))
    rules = _rules(work, scored)
    tested = {name: _tested(work, one) for name, one in scored.items()}
    work.folder.write(ModelsTested(models=tested, standing=_standing(work, scored, rules), left_out=hand.left_out(work)))
    work.folder.write(Calibration(models={name: _calibration(work, one) for name, one in scored.items()}))
    work.folder.write(Groups(lines=_groups(work, {n: scored[n] for n in (main, OTHER) if n in scored})))
    work.report(steps - 2, steps)
    # Arms differ in what a fit learns; none is turned into chances, which would take a line of its own.
    fitted = {name: test.score(hand.raw(work, name, "test")) for name in (main, OTHER) if name in names}
    by_arm = _by_arm(work, fitted, other)
    selected, every = _selected(work, by_arm, on_tuning)
    work.folder.write(Selection(models=selected))
    work.folder.write(Differences(models=every))
    _gaps(work, scored, by_arm)
    work.report(steps - 1, steps)
    smaller = _subsample(work, fitted[main])
    work.folder.write(smaller)
    arms = sum(len(entry.test) for entry in selected.values())
    work.folder.write(Consulted(test_consulted_by=len({*names, *rules}) + arms + len(smaller.test)))


def _tested(work: Work, scored: Scored) -> Tested:
    parts = hand.holdout(work, "test").of_parts(scored)
    return Tested(test=_estimates(scored), parts={name: Estimate.each(estimates(one)) for name, one in parts.items()})


def _estimates(scored: Scored) -> dict[str, Estimate]:
    return Estimate.each(estimates(scored.measures))


def _rules(work: Work, scored: dict[str, Scored]) -> dict[str, Scored]:
    """The simple rules on test: chance, and those of RULES that the log can feed, also where the run trains none of them."""
    learnt, test = hand.train(work), hand.holdout(work, "test")
    rules = {CHANCE: test.chance(float(np.average(learnt.response, weights=learnt.weight)))}
    for name in RULES:
        model = hand.make(work, name)
        if name in scored:
            rules[name] = scored[name]
        elif hand.not_fed(model, learnt.features.column_names) is None:
            fitted = hand.fit(work, model, learnt, hand.rng(work, TRAINING))
            rules[name] = test.score(hand.chances(fitted, hand.taught(work, fitted)))
    return rules


def _standing(work: Work, scored: dict[str, Scored], rules: dict[str, Scored]) -> Standing:
    """The served model beside the simple rules, paired over users."""
    test, served = hand.holdout(work, "test"), _served(work, list(scored))
    users, requests = test.size
    ranked = DECIDES_RANKED in scored[served].measures
    compare = test.ranked_difference if ranked else test.difference
    rivals = {name: compare(one, scored[served]) for name, one in rules.items() if name != served}
    return Standing(
        served=served,
        measure=DECIDES_RANKED if ranked else test.loss,
        requests=requests,
        users=users,
        rules={name: _tested(work, one) for name, one in rules.items()},
        difference={name: Change.each(differences(change)) for name, change in rivals.items()},
        with_past=_with_past(work),
    )


def _served(work: Work, names: list[str]) -> str:
    """Name of the model that recommends; where nothing is recommended, of the one that would."""
    if work.folder.exists(Recommended.path):
        return Recommended.read(work.folder).model
    wanted = work.config.recommend.model
    if wanted in names:
        return wanted
    return best_model(hand.holdout(work, "tuning"), {name: hand.predict(work, name, "tuning") for name in names})


def _with_past(work: Work) -> float | None:
    """Share of the test's requests whose user had any event before them; None without a log."""
    log, samples = CleanLog.find(work.folder), hand.holdout(work, "test").samples
    if log is None:
        return None
    events = log.events("user_code", "timestamp")
    first = np.full(log.users.num_rows, np.iinfo(np.int64).max)
    np.minimum.at(first, events.column("user_code").to_numpy(), microseconds(events.column("timestamp")))
    _, rows = np.unique(samples.request, return_index=True)
    began = microseconds(samples.keys.column("timestamp"))[rows]
    return float(np.mean(first[samples.user[rows]] < began))


def _with_pooled(work: Work, scored: Scored) -> pa.Table:
    """The scores of each request, and its part in what is measured on all samples pooled."""
    table, samples = scored.per_request, hand.holdout(work, "test").samples
    assert table is not None
    requests = table.column("request").to_numpy()
    rows = np.flatnonzero(np.isin(samples.request, requests) & (samples.weight > 0))
    request = np.searchsorted(requests, samples.request[rows])
    threshold = work.config.evaluate.threshold
    if not samples.label_type.is_chance:
        return table
    pooled = pooled_by_request(
        samples.label[rows], scored.probability[rows], request, len(requests), weight=samples.weight[rows], threshold=threshold
    )
    for name, values in pooled.items():
        table = table.append_column(name, pa.array(values))
    return table


def _calibration(work: Work, scored: Scored) -> list[Bin]:
    samples = hand.holdout(work, "test").samples
    measured = calibration if samples.label_type.is_chance else calibration_of_amounts
    bins = measured(samples.response, scored.probability, weight=samples.weight).to_pylist()
    return [Bin(predicted=b["score"], observed=b["label"], rows=b["rows"]) for b in bins if b["rows"]]


def _other(work: Work) -> tuple[Scorer | None, dict[str, Change]]:
    """The other model under the chosen weights, and what they change on tuning for it, which had no part in the choice.

    None where nothing was chosen. It comes before test is read: tuning and test need not be in memory together.
    """
    arm = chosen(work)
    if arm.family == "nothing":
        return None, {}
    again, tuning = hand.fitted_again(work, OTHER, arm.of(hand.train(work))), hand.holdout(work, "tuning")
    both = (tuning.score(predict, resamples=RESAMPLES) for predict in (hand.raw(work, OTHER, "tuning"), again.predict))
    changes = Change.each(differences(claimed(tuning.difference(*both, resamples=RESAMPLES))))
    work.memory.forget("tuning")
    return again, changes


def _by_arm(work: Work, scored: dict[str, Scored], other: Scorer | None) -> dict[str, dict[str, Scored]]:
    """Selected, all, and the simple ways at the same size, on test, by model and arm."""
    train, test, arm, section = hand.train(work), hand.holdout(work, "test"), chosen(work), work.config.select
    linear = hand.precondition(work)
    rivals = same_size(train, hand.importance(work, "loss"), arm, len(hand.popularity(work)), section.floor, work.config.seed)
    main = linear.name
    by_arm: dict[str, dict[str, Scored]] = {main: {"full": scored[main]}}
    for name, changed in {"selected": arm, **rivals}.items():
        learnt = changed.of(train)
        by_arm[main][name] = test.score(refit(linear, learnt, learnt.weight).predict) if changed.changes(train) else scored[main]
    if OTHER in scored:
        retrained = scored[OTHER] if other is None else test.score(other.predict)
        by_arm[OTHER] = {"full": scored[OTHER], "selected": retrained}
    return by_arm


def _selected(
    work: Work, by_arm: dict[str, dict[str, Scored]], on_tuning: dict[str, Change]
) -> tuple[dict[str, Selected], dict[str, dict[str, Effect]]]:
    """Selected against all and against the simple ways: the summary's page, and all differences."""
    train, test, arm, section = hand.train(work), hand.holdout(work, "test"), chosen(work), work.config.select
    page, every = dict[str, Selected](), dict[str, dict[str, Effect]]()
    for model, by_name in by_arm.items():
        difference = test.difference(by_name["full"], by_name["selected"])
        every[model] = Effect.each(details(difference))
        page[model] = Selected(
            valuer=section.valuer,
            removed_fraction=selection.removed_share(train.weight, arm.weight),
            test={name: _estimates(one) for name, one in by_name.items()},
            difference=Change.each(differences(difference)),
            tuning=on_tuning if model == OTHER else {},
        )
    return page, every


def _subsample(work: Work, full: Scored) -> Subsample:
    fraction = work.config.select.subsample
    scored = {"all": full}
    for name, weight in draws(hand.train(work), fraction, hand.linear(work), work.config.seed).items():
        scored[name] = hand.holdout(work, "test").score(refit(hand.linear(work), hand.train(work), weight).predict)
    return Subsample(fraction=fraction, test={name: _estimates(one) for name, one in scored.items()})


def _groups(work: Work, scored: dict[str, Scored]) -> list[GroupMeasure]:
    """The loss, and auc of chances, in groups of users, items, prices, categories, periods, and those that the config names."""
    samples = hand.holdout(work, "test").samples
    lines: list[GroupMeasure] = []
    named = {name: pa.array(level) for name, level in hand.groups(work, samples).items()}
    for name, group in (usual_groups(samples, hand.popularity(work), hand.task(work)) | named).items():
        for model, one in scored.items():
            for row in group_predictions(samples, one.probability, group).to_pylist():
                if row["measure"] in ("auc", samples.label_type.loss) and row["value"] is not None:
                    figures = {key: row[key] for key in ("measure", "rows", "value", "low", "high")}
                    lines.append(GroupMeasure(model=model, group=name, level=row["group"], **figures))
    return lines


def _gaps(work: Work, scored: dict[str, Scored], by_arm: dict[str, dict[str, Scored]]) -> None:
    """The gaps between the groups that the config names, of every model, and what the chosen change does to them.

    None of continuous labels: gaps are between rates of what is decided at a threshold of chances.
    """
    test, arm = hand.holdout(work, "test"), chosen(work)
    groups = hand.groups(work, test.samples)
    if not groups or not test.samples.label_type.is_chance:
        return
    share, changes = selection.removed_share(hand.train(work).weight, arm.weight), list[GapChange]()
    for model, by_name in by_arm.items():
        full, selected = by_name["full"], by_name["selected"]
        if selected is not full:
            changes += of_change(model, arm, share, full.probability, selected.probability, test, groups)
    models = of_models({name: one.probability for name, one in scored.items()}, test, groups)
    work.folder.write(Gaps(threshold=work.config.evaluate.threshold, models=models, selected=changes))


def chosen(work: Work) -> Arm:
    """The arm that tuning chose, from its stored weights and the labels that it turns."""
    page = Curve.read(work.folder)
    line = next(line for line in page.arms if line.arm == page.chosen)
    table = work.folder.read_table("selection/weights.parquet")
    turned = "label" in table.column_names
    response = table.column("label").to_numpy().astype(np.float64) if turned else None
    return Arm(line.arm, line.family, table.column("weight").to_numpy(), line.valuer, response)
