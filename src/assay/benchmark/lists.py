"""Measures of a system's lists that need more than ranks of relevant items: graded ones, and those beyond accuracy."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.benchmark.items import KNOWN_ITEMS, Catalogue, refuse_lack
from assay.errors import InputError
from assay.evaluation.beyond import beyond_accuracy
from assay.numerics import graded
from assay.numerics.beyond import filled
from assay.numerics.names import Name
from assay.numerics.ranking import top_k

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Ranked(NamedTuple):
    """What a system ranks (n,), request after request: offsets (R + 1,), scores, ties, items, gains, whether truth grades it.

    user (R,): who asked. past (R,): mean popularity of what the user took in training, None where not known.
    highest: the best grade of the truth.
    """

    where: str
    offsets: Ints
    score: Floats
    tie: Ints
    item: pa.ChunkedArray
    gain: Floats
    has_grade: NDArray[np.bool_]
    user: NDArray[Any]
    past: Floats | None
    highest: float


def list_measures(ranked: Ranked, names: Mapping[str, Name], catalogue: Catalogue | None) -> dict[str, Floats]:
    """By name as typed the scores (R,) of the measures; their mean over requests is the measure (numerics.beyond.filled).

    InputError: a measure is defined for no request, or needs what is not known; an item is not in the catalogue.
    """
    refuse_lack(names, catalogue, past=ranked.past is not None)
    return {typed: values for cut in {n.cut for n in names.values()} for typed, values in _at(ranked, names, cut, catalogue)}


def _at(ranked: Ranked, names: Mapping[str, Name], cut: int, catalogue: Catalogue | None) -> list[tuple[str, Floats]]:
    """The measures of one cut-off."""
    top = top_k(ranked.offsets, ranked.score, ranked.tie, cut)
    listed = top >= 0
    gain = np.where(listed, ranked.gain[top], 0.0)
    own = {typed: name for typed, name in names.items() if name.cut == cut}
    beyond: dict[str, Floats] = {"judged": graded.judged(ranked.has_grade[top], listed)}
    if catalogue is not None and any(name.base in KNOWN_ITEMS for name in own.values()):
        items = np.full(top.shape, -1, np.int64)
        items[listed] = catalogue.codes(ranked.item.take(pa.array(top[listed])), ranked.where)
        beyond |= beyond_accuracy(items, gain > 0, ranked.user, catalogue.facts, ranked.past)
    scored: list[tuple[str, Floats]] = []
    for typed, name in own.items():
        if name.base == "err":
            scored.append((typed, graded.err(gain, name.setting or ranked.highest)))
        elif name.base == "rbp":
            scored.append((typed, graded.rbp(gain, name.setting or graded.PERSISTENCE)))
        else:
            scored.append((typed, _defined(typed, beyond[name.base], ranked.where)))
    return scored


def _defined(name: str, values: Floats, where: str) -> Floats:
    if np.isnan(values).all():
        raise InputError(f"{where}: {name} is defined for no request: lists are too short, or nothing is known of their items")
    return filled(values)
