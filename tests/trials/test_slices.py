"""Planted defects of log construction are named by a rule; clean data yield none."""

import numpy as np
import pytest

from assay.config import Evaluate
from assay.evaluation.holdout import holdout
from assay.findings.labels import Wording
from assay.findings.segments import Attribute
from assay.findings.subgroups import low_subgroups
from assay.findings.suspects import price_ratio, suspects
from assay.importance.influence import Influence
from assay.importance.valuer import Importance
from assay.models.logistic import LogisticRegression
from assay.samples.table import Samples
from assay.testing.data import Indicators, make_samples
from assay.testing.defects import DEFECTS
from assay.trials.slices import UNIT, candidates, changes, readable, slices
from tests.trials.pasts import NOTHING


def clean(seed, n=30_000):
    """Samples in which a request holds an item once."""
    samples = make_samples(n, users=300, items=60, seed=seed)
    _, once = np.unique(np.stack([samples.request, samples.item]), axis=1, return_index=True)
    return samples.take(np.sort(once))


def look(samples, train):
    """Slices of train, judged on the clean tuning set."""
    encoder = Indicators.learn(train.features)
    train, validation, tuning = (
        Samples(part.keys, part.features, encoder) for part in (train, samples.split("validation"), samples.split("tuning"))
    )
    model = LogisticRegression(l2=3.0).fit(train, rng=np.random.default_rng(0))

    def value(part, fitted):
        rng = np.random.default_rng(0)
        return Influence().value(part, validation, model=fitted, utility="log_loss", folds=16, rng=rng)

    judge = holdout(tuning, None, None, "tuning", NOTHING, Evaluate(resamples=100), 0)
    return slices(model, train, judge, value, Wording())


def named(found):
    """What the user is told of: slices that a change helps, and those that clean logs do not have."""
    return [one for one in found if one.helps or one.because == "construction"]


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "kind"), list(enumerate(sorted(DEFECTS))))
def test_a_planted_defect_is_named(kind, seed):
    samples = clean(seed)
    train, planted = DEFECTS[kind](samples.split("train"), np.random.default_rng(seed))
    told = named(look(samples, train))
    assert told
    rows = told[0].rule.matches(readable(train, Wording()))
    assert rows[planted].mean() >= 0.8, told[0].rule.sentence
    assert planted[rows].mean() >= 0.8, told[0].rule.sentence
    assert len(told) == 1, [one.rule.sentence for one in told]


def sampled(train, seed, rate=0.5):
    """(samples, rows) as candidates become samples: all that was taken, and of the rest a share, which weighs as much as all."""
    negative = train.label == 0
    rows = np.flatnonzero(~negative | (np.random.default_rng(seed).random(len(train)) < rate))
    return train.take(rows).with_weight(np.where(negative[rows], 1.0 / rate, 1.0)), rows


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "seed"), list(zip(sorted(DEFECTS), (0, 1, 2, 3, 4, 4), strict=True)))
def test_a_planted_defect_is_named_among_candidates_too(kind, seed):
    samples = clean(seed, n=45_000)
    everything, planted = DEFECTS[kind](samples.split("train"), np.random.default_rng(seed))
    train, rows = sampled(everything, seed)
    told = named(look(samples, train))
    assert told
    found = told[0].rule.matches(readable(train, Wording()))
    assert found[planted[rows]].mean() >= 0.8, told[0].rule.sentence
    assert planted[rows][found].mean() >= 0.8, told[0].rule.sentence
    assert len(told) == 1, [one.rule.sentence for one in told]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_clean_candidates_yield_none(seed):
    samples = clean(seed, n=45_000)
    assert not named(look(samples, sampled(samples.split("train"), seed)[0]))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_clean_data_yield_none(seed):
    samples = clean(seed)
    assert not named(look(samples, samples.split("train")))


@pytest.mark.slow
def test_forecasts_agree_with_what_retraining_measures():
    forecasts, measured = [], []
    for seed, kind in enumerate(("swapped_category", "bot_farm", "not_on_sale")):
        samples = clean(seed)
        train, _ = DEFECTS[kind](samples.split("train"), np.random.default_rng(seed))
        for one in look(samples, train):
            for name, trial in one.trials.items():
                if name.startswith(("without", "half")) and trial["difference"]:
                    forecasts.append(trial["forecast"])
                    measured.append(trial["difference"]["log_loss"]["value"])
    assert len(forecasts) >= 4
    assert np.corrcoef(forecasts, measured)[0, 1] > 0.95


def test_a_small_case_end_to_end():
    samples = clean(1, n=12_000)
    train, planted = DEFECTS["bot_farm"](samples.split("train"), np.random.default_rng(1))
    best = named(look(samples, train))[0]
    rows = best.rule.matches(readable(train, Wording()))
    assert min(rows[planted].mean(), planted[rows].mean()) > 0.8
    assert best.advice.endswith("mend it at its source")
    entry = best.to_dict()
    assert entry["helps"]
    assert set(entry["trials"]) >= set(entry["helps"])


def test_search_finds_a_planted_conjunction():
    rng = np.random.default_rng(0)
    n = 20_000
    found = [
        Attribute(name, name, tuple(f"{name}{k}" for k in range(size)), rng.integers(size, size=n), ordered)
        for name, size, ordered in (("a", 4, False), ("b", 6, True), ("c", 30, False))
    ]
    planted = (found[0].codes == 2) & (found[1].codes >= 2) & (found[1].codes <= 3)
    target = rng.normal(size=n) - 2.0 * planted + 0.2
    rules = low_subgroups(found, target)
    assert rules[0] == (("a", frozenset({2})), ("b", frozenset({2, 3})))
    assert low_subgroups(found, rng.normal(size=n)) == []
    assert low_subgroups(found, np.ones(n)) == []


def test_rules_need_folds():
    with pytest.raises(ValueError, match="fewer than 4 folds"):
        candidates([], Importance(np.arange(3), np.zeros(3)), np.zeros(3))


def test_a_price_is_brought_back_to_its_unit():
    samples = clean(2, n=4_000).split("train")
    train, planted = DEFECTS["price_in_another_unit"](samples, np.random.default_rng(0))
    attribute = next(a for a in suspects(train, Wording()) if a.name == "usual_price")
    np.testing.assert_array_equal(attribute.codes == 2, planted)
    rules = candidates(
        readable(train, Wording()),
        Importance(np.arange(len(train)), np.zeros(len(train)), np.zeros((4, len(train)))),
        np.zeros(len(train)),
    )
    mended = dict(changes(rules[0][0], train, readable(train, Wording())))[UNIT]
    before, after = (part.features.column("price").to_numpy() for part in (samples, mended))
    np.testing.assert_allclose(after, before, rtol=1e-5)
    assert np.nanmedian(price_ratio(samples, "price")) == pytest.approx(1.0)
