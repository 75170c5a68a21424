"""Value every training sample."""

import time

import numpy as np

from assay.config import Config
from assay.errors import InputError
from assay.findings import segments
from assay.findings.examples import examples
from assay.findings.explain import explain_sample
from assay.importance import named as valuers
from assay.importance.influence import Influence, RankingInfluence
from assay.importance.stored import write_values
from assay.importance.valuer import Importance
from assay.models import named as models
from assay.pages.values import Distribution, Example, Examples, Histogram, Patterns, Rollup
from assay.runs.stage import Work, stage
from assay.samples.table import Samples
from assay.stages import materials as hand
from assay.stages.materials import VALUER_SECONDS, VALUING, WORDS

_EXPLAINED = 3  # examples of each kind that are taken apart


def _valuers(config: Config) -> None:
    """Raise now where a valuer's name or path is none, or the run trains no model for it."""
    for name in _wanted(config):
        valuers.model_of(name, models.unfitted(config.models, config.request, config.label_type))


def _wanted(config: Config) -> list[str]:
    """Valuers of a run: those asked for, the one that it selects by, and the loss, which stands for hard samples."""
    return list(dict.fromkeys([*config.value.valuers, config.select.valuer, "loss"]))


def _beside(work: Work) -> list[str]:
    """What stands beside the influence that a run selects by, where items are ranked: the same of rankings."""
    ranked = work.config.select.valuer == Influence.name and work.folder.exists(hand.CANDIDATES)
    return [RankingInfluence.name] if ranked else []


@stage(
    follows=("clean", "samples", "features", "train"),
    reads=("value", "select.valuer", "models", "text", *WORDS, "seed"),
    makes=("importance/*",),
    pages=(Distribution, Rollup, Examples, Patterns),
    check=_valuers,
)
def value(work: Work) -> None:
    """importance/: values of every training sample by every valuer, and what they show, as JSON."""
    samples, main_valuer = hand.train(work), work.config.select.valuer
    shapes: dict[str, Histogram] = {}
    seconds: dict[str, float] = {}
    values: dict[str, Importance] = {}
    left_out: dict[str, str] = {}
    validation = hand.validation(work)
    asked = _wanted(work.config)
    wanted = list(dict.fromkeys([*asked, *_beside(work)]))
    for done, name in enumerate(wanted):
        work.report(done, len(wanted) + 1)
        started = time.perf_counter()
        try:
            values[name] = hand.value(work, name, validation, hand.rng(work, VALUING))
        except InputError as error:
            if name in asked:
                raise
            left_out[name] = str(error)
            continue
        seconds[name] = round(time.perf_counter() - started, 2)
        write_values(work.folder.write_table, name, values[name])
        shapes[name] = segments.distribution(values[name])
    work.costs[VALUER_SECONDS] = seconds
    work.report(len(wanted), len(wanted) + 1)
    main, wording, names = values[main_valuer], hand.wording(work), hand.item_names(work)
    attributes = segments.attributes(samples, wording)
    shown = examples(samples, main, names, wording)
    if main_valuer == Influence.name:
        useful, harmful = (_explained(work, validation, lines) for lines in (shown.useful, shown.harmful))
        shown = Examples(useful=useful, harmful=harmful)
    ranking = values.get(RankingInfluence.name)
    work.folder.write(Distribution(valuers=shapes, left_out=left_out))
    work.folder.write(Rollup(units=segments.rollup(samples, attributes, main, names, wording, ranking)))
    work.folder.write(shown)
    work.folder.write(Patterns(lines=segments.patterns(attributes, main)))


def _explained(work: Work, validation: Samples, lines: list[Example]) -> list[Example]:
    """Examples, the first of them with their explanation: `why`."""
    learnt, wording, linear = hand.train(work), hand.wording(work), hand.linear(work)
    first, rest = lines[:_EXPLAINED], lines[_EXPLAINED:]
    rows = learnt.rows_of(np.array([line.sample_id for line in first], np.int64)).tolist()
    whys = [explain_sample(linear, learnt, validation, row, {}, wording, 3, neighbours=False) for row in rows]
    return [*(line.model_copy(update={"why": why}) for line, why in zip(first, whys, strict=True)), *rest]
