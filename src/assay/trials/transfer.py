"""Values made with one model, used for another: what a small model's values are worth to a large one, and the reverse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from assay.evaluation.holdout import CLAIMS, Holdout, differences
from assay.models.scorer import Scorer
from assay.samples.table import Samples
from assay.selection.weights import floor_groups, remove
from assay.trials.curve import RESAMPLES
from assay.trials.verify import RANDOM, Line, Positions


@runtime_checkable
class Passes(Protocol):
    """A model that learns in passes."""

    checkpoints_: tuple[Any, ...]

    def for_passes(self, passes: int) -> Scorer:
        """The model itself, which will learn for so many passes."""
        ...


@dataclass(frozen=True)
class Made:
    """An order of samples (n,), worst first; the model that its values are of, and how many seconds they took."""

    order: Positions
    model: str
    seconds: float


def transfer(
    models: Mapping[str, Scorer],
    train: Samples,
    tuning: Holdout,
    made: Mapping[str, Made],
    *,
    fraction: float,
    floor: float,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Line]:
    """Every model retrained without the worst rows of every order; made must hold "random".

    One line a model and order: `difference` to the model on all samples and, but for random, `against_random`, on tuning,
    paired by user; beside them made_with and seconds, what the order cost.
    """
    groups, lines = floor_groups(train), []
    names = [RANDOM, *(name for name in made if name != RANDOM)]
    for done, (model, fitted) in enumerate(models.items()):
        full, by_chance = tuning.score(fitted.predict, resamples=RESAMPLES), None
        for step, name in enumerate(names):
            if progress is not None:
                progress(done * len(names) + step, len(models) * len(names))
            gone = remove(made[name].order, round(fraction * len(train)), groups, floor)
            changed = train.with_weight(np.where(gone, 0.0, train.weight))
            again = unfitted(fitted).fit(changed, rng=np.random.default_rng(seed))
            scored = tuning.score(again.predict, resamples=RESAMPLES)
            line: Line = {"model": model, "order": name, "fraction": fraction}
            line |= {"made_with": made[name].model, "seconds": round(made[name].seconds, 2)}
            line["difference"] = differences(tuning.difference(full, scored, resamples=RESAMPLES), CLAIMS)
            if by_chance is None:
                by_chance = scored
            else:
                line["against_random"] = differences(tuning.difference(by_chance, scored, resamples=RESAMPLES), CLAIMS)
            lines.append(line)
    return lines


def unfitted(fitted: Scorer) -> Scorer:
    """A twin to fit on other weights: a neural one will learn for as many passes as the model did, stopping early or not."""
    twin = fitted.fresh()
    return twin.for_passes(len(fitted.checkpoints_)) if isinstance(fitted, Passes) and isinstance(twin, Passes) else twin
