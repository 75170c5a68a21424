"""Single samples in readable words: the most useful and the most harmful ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.findings.labels import Wording, label, title
from assay.importance.valuer import Importance
from assay.numerics.periods import start
from assay.pages.values import Example, Examples
from assay.samples.table import Samples

_FACTS = 5  # of a table of a user's own that are told


def examples(samples: Samples, importance: Importance, names: Mapping[int, str], wording: Wording, shown: int = 10) -> Examples:
    """The samples at both ends of the order, the furthest first. names: item_code -> readable name."""
    order = importance.order()
    useful, harmful = (_examples(samples, importance, rows, names, wording) for rows in (order[::-1][:shown], order[:shown]))
    return Examples(useful=useful, harmful=harmful)


def _examples(
    samples: Samples, importance: Importance, rows: NDArray[np.int64], names: Mapping[int, str], wording: Wording
) -> list[Example]:
    few, z = samples.take(rows), importance.z
    features = few.features.to_pylist()
    keys = few.keys.select(["user_id", "item_id"]).to_pylist()
    return [
        Example(
            sentence=sentence(
                names.get(int(few.item[k])) or f"item {wording.ident(keys[k]['item_id'])}",
                float(few.told[k]),
                features[k],
                wording,
            ),
            sample_id=int(importance.sample_id[row]),
            value=float(importance.value[row]),
            z=float(z[row]) if np.isfinite(z[row]) else None,
            user=keys[k]["user_id"],
            item=keys[k]["item_id"],
            period=start(int(few.period[k]), wording.task.period_days).date().isoformat(),
            label=float(few.told[k]),
        )
        for k, row in enumerate(rows)
    ]


def sentence(name: str, label: float, features: Mapping[str, Any], wording: Wording) -> str:
    """One sample in readable words: an item's name, its label, and what was known of it."""
    before = reason(features, wording)
    if before is None:
        facts = [_fact(column, value, wording) for column, value in list(features.items())[:_FACTS]]
        return f"label {label:g}: {', '.join(facts)}"
    query = f", for “{features['query']}”" if "query" in features else ""
    amount = f" ({label:g})" if wording.task.label.has_amounts and label > 0 else ""
    return f"{name}{query}, {'' if label > 0 else 'not '}{wording.task.taken}{amount}; before: {before}"


def _fact(column: str, value: Any, wording: Wording) -> str:
    if isinstance(value, int | float):
        return label(column, wording).value(float(value))
    return f"{title(column, wording)} is {'unknown' if value is None else value}"


def reason(features: Mapping[str, Any], wording: Wording) -> str | None:
    """What speaks for an item, from its readable features; None when the table has none of ours."""
    if "pair_times_bought" not in features and "item_buyers_4" not in features:
        return None
    times, since = features.get("pair_times_bought"), features.get("pair_periods_since")
    if times:
        ago = "" if since is None else f", last {wording.counted(f'{since:.0f}', 'periods')} ago"
        return f"{wording.task.taken} in {wording.counted(f'{times:.0f}', 'periods')}{ago}"
    if since := features.get("pair_steps_since"):
        return f"{wording.task.taken} {since:.0f} {'step' if since == 1 else 'steps'} before, in the session"
    if features.get("score_following"):
        return f"{wording.task.taken} next by others after what the session holds"
    number = wording.counted(f"{features.get('item_buyers_4') or 0:,.0f}", "sales")
    sales = f"{number} in {wording.counted('4', 'periods')}"
    if often := features.get("category_times_16"):
        before = f"{wording.task.taken} {wording.counted(f'{often:.0f}', 'times')}"
        return f"{sales}, from {features.get('category') or 'a category'} {before}"
    return f"popular: {sales}"
