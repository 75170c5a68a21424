"""Gaps between groups of people: those of every model, and what retraining on other samples does to them."""

from collections.abc import Mapping, Sequence
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from assay import registry
from assay.evaluation.gaps import gap_scores, rate_of
from assay.evaluation.holdout import Holdout, differences
from assay.evaluation.scores import Scores
from assay.models.linear import LinearModel
from assay.pages.gaps import GAPS, GapChange, GroupGaps, GroupRates
from assay.pages.parts import Change, Estimate
from assay.samples.table import Samples
from assay.selection.arms import Arm
from assay.selection.weights import removed_share
from assay.trials.curve import RESAMPLES, refit

Levels = Mapping[str, Sequence[str]]  # attribute -> the group (n,) of each sample of a holdout
Chances = NDArray[np.float64]
_FAMILIES = ("removal", "random")


def fairlearn() -> ModuleType:
    """What has the figures of fairlearn; InputError where it is not installed."""
    module: ModuleType = registry.of_extra("assay.evaluation.fairness", "examples", "[evaluate] groups")
    return module


def of_models(chances: Mapping[str, Chances], holdout: Holdout, groups: Levels) -> list[GroupGaps]:
    """Rates of the groups and gaps between them, of every model and attribute; chances (n,) by model."""
    return [_of_model(name, one, holdout, attribute, groups[attribute]) for attribute in groups for name, one in chances.items()]


def _of_model(model: str, chances: Chances, holdout: Holdout, attribute: str, level: Sequence[str]) -> GroupGaps:
    s = holdout.samples
    figures = fairlearn().fairness(s.label, chances, level, weight=s.weight, threshold=holdout.section.threshold)
    ends = _scores(chances, holdout, level).estimates(resamples=RESAMPLES, seed=holdout.seed)

    def estimate(name: str, value: float) -> Estimate:
        return Estimate(value=value, low=ends[name]["low"], high=ends[name]["high"])

    groups, of = [], np.asarray(level, object)
    for name in figures.groups:
        rows = (of == name) & (s.weight > 0)
        groups.append(
            GroupRates(
                level=name,
                rows=int(rows.sum()),
                people=len(np.unique(s.user[rows])),
                positive=float(np.average(s.label[rows], weights=s.weight[rows])),
                rates={rate: estimate(rate_of(rate, name), by_group[name]) for rate, by_group in figures.rates.items()},
            )
        )
    gaps = {name: estimate(name, value) for name, value in figures.gaps.items()}
    return GroupGaps(model=model, attribute=attribute, groups=groups, gaps=gaps)


def of_change(
    model: str, arm: Arm, share: float, before: Chances, after: Chances, holdout: Holdout, groups: Levels
) -> list[GapChange]:
    """What an arm, which removes a share of the training samples, does to a model's gaps: after minus before."""
    lines = []
    for attribute, level in groups.items():
        both = [_scores(chances, holdout, level) for chances in (before, after)]
        difference = both[0].against(both[1], resamples=RESAMPLES, seed=holdout.seed)
        lines.append(
            GapChange(
                model=model,
                arm=arm.name,
                valuer=arm.valuer,
                removed_fraction=share,
                attribute=attribute,
                change=Change.each(differences(difference, GAPS)),
            )
        )
    return lines


def of_removals(model: LinearModel, train: Samples, tuning: Holdout, arms: Sequence[Arm], groups: Levels) -> list[GapChange]:
    """The gaps on tuning without the rows of lowest value, and without random ones, minus those of the model as it is."""
    lines, before = [], model.predict(tuning.samples)
    for arm in arms:
        if arm.family in _FAMILIES:
            after = refit(model, train, arm.weight).predict(tuning.samples)
            lines += of_change(model.name, arm, removed_share(train.weight, arm.weight), before, after, tuning, groups)
    return lines


def _scores(chances: Chances, holdout: Holdout, level: Sequence[str]) -> Scores:
    s = holdout.samples
    return gap_scores(s.label, chances, s.user, level, weight=s.weight, threshold=holdout.section.threshold)
