"""Attributes by which construction defects show: items not yet sold, copies, prices in another unit, busy users."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.findings.labels import Wording, label
from assay.findings.segments import Attribute
from assay.models.dense import numbers
from assay.samples.table import Samples

_AGES = (0, 4, 16)  # periods since an item's first sale
_BUSY = (2.0, 5.0, 20.0)  # times the median user
_RATIOS = (0.2, 5.0)  # times the item's usual price
_PRICES = ("price", "item_price")  # features that are the item's own price
COPIES, PRICE = "copies", "usual_"
UNUSUAL = 0.002  # share of the rows from which a level that clean data do not have is told


def suspects(samples: Samples, wording: Wording) -> list[Attribute]:
    """The attributes that have more than one level on these samples."""
    attributes = [_item_age(samples, wording), _copies(samples), _activity(samples, wording), *_price_ratios(samples, wording)]
    return [attribute for attribute in attributes if len(np.unique(attribute.codes)) > 1]


def unusual(attributes: Sequence[Attribute]) -> list[tuple[Attribute, frozenset[int]]]:
    """Attributes with levels that no clean log has (copies, prices far from usual), where enough rows have them."""
    out = []
    for attribute in attributes:
        if attribute.name == COPIES or attribute.name.startswith(PRICE):
            odd = [k for k, level in enumerate(attribute.levels) if level not in ("once", "as usual", "unknown")]
            if np.isin(attribute.codes, odd).mean() >= UNUSUAL:
                present = frozenset(k for k in odd if (attribute.codes == k).any())
                out.append((attribute, present))
    return out


def copies(samples: Samples) -> NDArray[np.int64]:
    """(n,) how often the same request holds the same item."""
    key = np.stack([samples.request, samples.item.astype(np.int64)], axis=1)
    _, codes, counts = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(counts[codes.ravel()])


def price_ratio(samples: Samples, name: str) -> NDArray[np.float64]:
    """(n,) price over the median price of the item's samples; NaN where unknown or 0."""
    values = numbers(samples.features, name).astype(np.float64)
    priced = np.flatnonzero(np.isfinite(values) & (values > 0))
    order = priced[np.lexsort((values[priced], samples.item[priced]))]
    items, start, count = np.unique(samples.item[order], return_index=True, return_counts=True)
    usual = np.full(int(samples.item.max(initial=0)) + 1, np.nan)
    usual[items] = values[order][start + (count - 1) // 2]
    return np.where(np.isfinite(values) & (values > 0), values / usual[samples.item], np.nan)


def _item_age(samples: Samples, wording: Wording) -> Attribute:
    first = np.full(int(samples.item.max(initial=0)) + 1, np.iinfo(np.int32).max, np.int64)
    taken = samples.label > 0
    np.minimum.at(first, samples.item[taken], samples.period[taken])
    age = samples.period - first[samples.item]
    spans = ("up to 3", "4 to 15", "16 or more")
    levels = (f"before the item's first {wording.task.sale}", *(f"{span} {wording.task.periods} after it" for span in spans))
    return Attribute("item_age", "time of the request", levels, np.searchsorted(_AGES, age, side="right"))


def _copies(samples: Samples) -> Attribute:
    codes = np.minimum(copies(samples), 3) - 1
    return Attribute(COPIES, "the same item in the same request", ("once", "twice", "3 times or more"), codes)


def _activity(samples: Samples, wording: Wording) -> Attribute:
    _, codes, counts = np.unique(samples.user, return_inverse=True, return_counts=True)
    times = counts / np.median(counts)
    levels = tuple(f"{span} times the median" for span in ("up to 2", "2 to 5", "5 to 20", "over 20"))
    band = np.searchsorted(_BUSY, times, side="right")
    return Attribute("activity", f"number of the {wording.task.user}'s samples", levels, band[codes])


def _price_ratios(samples: Samples, wording: Wording) -> list[Attribute]:
    ratios: list[Attribute] = []
    levels = ("under a fifth of usual", "as usual", "over 5 times the usual", "unknown")
    for name in samples.features.column_names:
        if name in _PRICES:
            ratio = price_ratio(samples, name)
            codes = np.where(np.isnan(ratio), 3, np.searchsorted(_RATIOS, np.nan_to_num(ratio)))
            ratios.append(Attribute(f"{PRICE}{name}", f"{label(name, wording).title} for its item", levels, codes))
    return ratios
