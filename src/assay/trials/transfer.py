"""Values made with one model, used for another: what a small model's values are worth to a large one, and the reverse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from assay.evaluation.holdout import Holdout, claimed, differences
from assay.models.scorer import Scorer
from assay.models.twins import refitted
from assay.samples.table import Samples
from assay.selection.weights import floor_groups, remove
from assay.trials.curve import RESAMPLES
from assay.trials.verify import Line, Positions


@dataclass(frozen=True)
class Proxy:
    """An order of samples (n,), worst first; the model that its values are of, and how many seconds they took."""

    order: Positions
    model: str
    seconds: float


def transfer(
    models: Mapping[str, Scorer],
    train: Samples,
    tuning: Holdout,
    chance: Proxy,
    proxies: Mapping[str, Proxy],
    *,
    fraction: float,
    floor: float,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Line]:
    """Every model retrained without the worst rows of every order.

    chance: a random order. proxies: name of a valuer -> the order of its values. One line per model and order: `valuer`
    (None for chance), `difference` to the model on all samples and, but for chance, `against_random`, on tuning, paired by
    user; beside them made_with and seconds, what the order cost.
    """
    groups, lines = floor_groups(train), []
    tried: list[tuple[str | None, Proxy]] = [(None, chance), *proxies.items()]
    for done, (model, fitted) in enumerate(models.items()):
        full, by_chance = tuning.score(fitted.predict, resamples=RESAMPLES), None
        for step, (valuer, proxy) in enumerate(tried):
            if progress is not None:
                progress(done * len(tried) + step, len(models) * len(tried))
            gone = remove(proxy.order, round(fraction * len(train)), groups, floor)
            changed = train.with_weight(np.where(gone, 0.0, train.weight))
            again = refitted(fitted, changed, rng=np.random.default_rng(seed))
            scored = tuning.score(again.predict, resamples=RESAMPLES)
            line: Line = {"model": model, "valuer": valuer, "fraction": fraction}
            line |= {"made_with": proxy.model, "seconds": round(proxy.seconds, 2)}
            line["difference"] = differences(claimed(tuning.difference(full, scored, resamples=RESAMPLES)))
            if by_chance is None:
                by_chance = scored
            else:
                line["against_random"] = differences(claimed(tuning.difference(by_chance, scored, resamples=RESAMPLES)))
            lines.append(line)
    return lines
