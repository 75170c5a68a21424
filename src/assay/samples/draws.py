"""How often an item is drawn as a negative for a request: what turns odds against draws into chances."""

import numpy as np
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.logs.history import Codes
from assay.samples.candidates.moment import Moment


def expected_draws(moment: Moment, user: Codes, item: Codes, section: SamplesSection) -> NDArray[np.float64]:
    """(n,) expected draws of items for the requests of users at a moment, as `labels.label` draws them.

    A request brings `negatives` draws for each of its positives; how many it has, and of which categories, is taken to be as in
    the user's past. A draw that hits a positive, or an item a second time, is drawn anew: that is left out here, and small where
    a request takes few of the items on sale.
    """
    history, market = moment.history, moment.market
    popular = np.bincount(market.popular, minlength=len(history.category)) * market.on_sale
    popularity = popular / max(popular.sum(), 1)
    in_category = np.bincount(history.category[market.popular] + 1, minlength=history.categories + 1)[1:]
    mixture = np.array([section.from_popularity, section.from_history, section.from_category])
    mixture = mixture / mixture.sum()
    out = np.zeros(len(user))
    category = history.category[item]
    for one in np.unique(user):
        rows = np.flatnonzero(user == one)
        begin, end = (int(at[0]) for at in moment.past(np.array([one], np.int32)))
        own = history.own_item[begin:end]
        on_sale = own[market.on_sale[own]]
        shares = mixture.copy()
        if not len(on_sale):
            shares = np.array([shares[0] + shares[1], 0.0, shares[2]])
        classes = history.category[own]
        known = float((classes >= 0).mean()) if len(own) else 0.0
        chance = (shares[0] + shares[2] * (1.0 - known)) * popularity[item[rows]]
        if len(on_sale):
            chance += shares[1] * np.bincount(on_sale, minlength=len(popular))[item[rows]] / len(on_sale)
        if known:
            of_class = np.bincount(classes[classes >= 0], minlength=history.categories) / len(own)
            inside = category[rows] >= 0
            which = category[rows][inside]
            chance[inside] += shares[2] * of_class[which] * popular[item[rows][inside]] / np.maximum(in_category[which], 1)
        out[rows] = chance
    return np.asarray(out * section.negatives * moment.usual_takings(user))
