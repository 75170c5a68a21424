"""Labelled rows from the candidates of requests: all that was taken, and a known share of the rest."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.numerics.hashing import Hashes, mix, uniform
from assay.samples.candidates.listing import Candidates

_MORE = 2.0  # times as many negatives are kept as are needed, until the share is known,
_FEW = 1_000  # and as if for so many positives: a share of fewer says little
_DIGITS = 6


@dataclass(frozen=True)
class Sampled:
    """Candidates (n,) and their weights: 1 for what was taken, 1 / rate for the rest.

    rate: the share of the rest that was drawn.
    """

    rows: Candidates
    weight: NDArray[np.float64]
    rate: float


def sample(
    parts: Iterable[Candidates],
    hashes: tuple[Hashes, Hashes],
    train_end: int,
    negatives: float,
    seed: int,
    spared: Callable[[Candidates], NDArray[np.bool_]] | None = None,
) -> Sampled:
    """All positives, and of the other candidates so many as make `negatives` of them for each positive of the training periods.

    parts: candidates in order of period. hashes: of users and of items, by code. train_end: the period after the last of
    training. Every candidate that was not taken is drawn with the same chance, `rate`; whether it is drawn depends on (seed, user
    id, period, item id) alone. So many negatives are held at a time as are needed, not all. spared: which candidates (n,) stay
    whatever is drawn, at weight 1, as those that other targets took.
    """
    user_hash, item_hash = hashes
    kept: list[Candidates] = []
    chances: list[NDArray[np.float64]] = []
    positives = others = 0
    most = 1.0
    for part in parts:
        if int(part.period.max(initial=-1)) < train_end:
            positives += int(part.label.sum())
            others += len(part) - int(part.label.sum())
            most = min(most, _MORE * negatives * max(positives, _FEW) / max(others, 1))
        chance = uniform(mix(seed, user_hash[part.user], part.period, item_hash[part.item]))
        chance = np.where(_stays(part, spared), -1.0, chance)
        rows = np.flatnonzero(chance < most)
        kept.append(part.take(rows))
        chances.append(chance[rows])
    joined = Candidates.joined(kept, list(kept[0].scores) if kept else [])
    rate = min(most, negatives * positives / max(others, 1) if positives else 1.0)
    chance = np.concatenate(chances or [np.empty(0)])
    rows = np.flatnonzero(chance < rate)
    return Sampled(joined.take(rows), np.where(chance[rows] < 0, 1.0, 1.0 / rate), rate)


def _stays(part: Candidates, spared: Callable[[Candidates], NDArray[np.bool_]] | None) -> NDArray[np.bool_]:
    taken = part.label > 0
    return taken if spared is None else taken | spared(part)


def account(sampled: Sampled, taken: int, sources: Sequence[str]) -> dict[str, Any]:
    """What is told of the rows: positives, how many of all takings are among the candidates, rows by source, and the rate."""
    label, source = sampled.rows.label, sampled.rows.source
    by_source = {}
    for k, name in enumerate(sources):
        mine = (source >> k) & 1 == 1
        if mine.any():
            positives = int(label[mine].sum())
            by_source[name] = {
                "positives": positives,
                "negatives": int(mine.sum()) - positives,
                "rate": round(sampled.rate, _DIGITS),
            }
    positives = int(label.sum())
    return {
        "positives": positives,
        "positives_not_candidates": taken - positives,
        "negatives": {"candidate": len(label) - positives},
        "negatives_rate": round(sampled.rate, _DIGITS),
        "by_source": by_source,
    }
