"""What is measured of lists beyond accuracy, from what was known of users and items when training ended."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.numerics import beyond as by
from assay.numerics.graded import Floats
from assay.samples.table import Samples

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ItemFacts:
    """What is known of the catalogue's items, by code: what it lacks cannot be measured.

    popularity (items,): share of the training's users who took each, in [0, 1]. category (items,): codes, -1 where not known.
    """

    items: int
    popularity: Floats | None = None
    category: Ints | None = None

    def __post_init__(self) -> None:
        if self.popularity is not None and not ((self.popularity >= 0) & (self.popularity <= 1)).all():
            raise InputError("popularity has values outside [0, 1]; give the share of the training's users who took each item")


@dataclass(frozen=True)
class Past:
    """What users took in training. popularity (items,): share of the users who took each; own (users,): its mean over what each
    user took, NaN for nothing."""

    popularity: Floats
    own: Floats

    @classmethod
    def of(cls, user: NDArray[np.integer], item: NDArray[np.integer], items: int) -> "Past":
        """From pairs of codes (n,), of which several may be the same; items: size of the catalogue."""
        pair = np.unique(user.astype(np.int64) * items + item)
        of, taken = pair // items, pair % items
        popularity = np.bincount(taken, minlength=items) / max(len(np.unique(of)), 1)
        length = np.bincount(of)
        own = np.divide(np.bincount(of, popularity[taken]), length, out=np.full(len(length), np.nan), where=length > 0)
        return cls(popularity, own)

    @classmethod
    def of_training(cls, learnt: Samples, items: int) -> "Past":
        """All that users took until the last moment of training, where the log is known; else what the samples say they took."""
        log = learnt.takings
        if log is None:
            taken = learnt.label > 0
            return cls.of(learnt.user[taken], learnt.item[taken], items)
        before = log.moment <= learnt.moment.max()
        return cls.of(log.user[before], log.item[before], items)

    def of_users(self, user: NDArray[np.integer]) -> Floats:
        """Mean popularity (n,) of what each user took, NaN for nothing."""
        own = np.append(self.own, np.nan)
        return np.asarray(own[np.minimum(user, len(own) - 1)])


def beyond_accuracy(
    top_items: Ints, hit: NDArray[np.bool_], user: NDArray[np.integer], facts: ItemFacts, past: Floats | None = None
) -> dict[str, Floats]:
    """By measure (R,) numbers of the requests' lists: every one that the facts allow. numerics.beyond defines them.

    top_items (R, k): codes, best first, -1 behind the end. hit (R, k): whether a place is relevant. user (R,): whose list it is.
    past (R,): mean popularity of what the user took in training, NaN for nothing.
    """
    measures = {
        "coverage": by.coverage_parts(top_items, user, facts.items),
        "gini": by.gini_parts(top_items, user, facts.items),
    }
    if facts.popularity is not None:
        measures["novelty"] = by.novelty(top_items, facts.popularity)
        if past is not None:
            listed = by.mean_popularity(top_items, facts.popularity)
            measures["popularity_lift"] = by.popularity_lift_parts(listed, past)
        measures["popularity_share"] = by.popularity_share(top_items, by.head_items(facts.popularity))
        measures["serendipity"] = by.serendipity(top_items, hit, facts.popularity)
    if facts.category is not None:
        measures["diversity"] = by.diversity(top_items, facts.category)
    return measures
