"""Single samples in readable words: the most useful and the most harmful ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.findings.labels import Wording, label, title
from assay.importance.valuer import Importance
from assay.language import english
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
        return english("label {number}: {facts}", number=f"{label:g}", facts=", ".join(facts))
    asked = english("{name}, for “{name_query}”", name=name, name_query=features["query"]) if "query" in features else name
    taken = wording.task.taken
    if label <= 0:
        return english("{item}, not {taken}; before: {facts}", item=asked, taken=taken, facts=before)
    if wording.task.label.has_amounts:
        amount = f"{label:g}"
        return english("{item}, {taken} ({number}); before: {facts}", item=asked, taken=taken, number=amount, facts=before)
    return english("{item}, {taken}; before: {facts}", item=asked, taken=taken, facts=before)


def _fact(column: str, value: Any, wording: Wording) -> str:
    if isinstance(value, int | float):
        return label(column, wording).value(float(value))
    named = title(column, wording)
    if value is None:
        return english("{title} is unknown", title=named)
    return english("{title} is {level}", title=named, level=value)


def reason(features: Mapping[str, Any], wording: Wording) -> str | None:
    """What speaks for an item, from its readable features; None when the table has none of ours."""
    if "pair_times_bought" not in features and "item_buyers_4" not in features:
        return None
    taken, times, since = wording.task.taken, features.get("pair_times_bought"), features.get("pair_periods_since")
    if times:
        periods = wording.counted(f"{times:.0f}", "periods")
        if since is None:
            return english("{taken} in {periods}", taken=taken, periods=periods)
        ago = wording.counted(f"{since:.0f}", "periods")
        return english("{taken} in {periods}, last {ago} ago", taken=taken, periods=periods, ago=ago)
    if since := features.get("pair_steps_since"):
        if since == 1:
            return english("{taken} 1 step before, in the session", taken=taken)
        return english("{taken} {number} steps before, in the session", taken=taken, number=f"{since:.0f}")
    if features.get("score_following"):
        return english("{taken} next by others after what the session holds", taken=taken)
    number = wording.counted(f"{features.get('item_buyers_4') or 0:,.0f}", "sales")
    lately = wording.counted("4", "periods")
    if often := features.get("category_times_16"):
        times = wording.counted(f"{often:.0f}", "times")
        if not features.get("category"):
            values = {"sales": number, "periods": lately, "taken": taken, "times": times}
            return english("{sales} in {periods}, from a category {taken} {times}", **values)
        return english(
            "{sales} in {periods}, from {name} {taken} {times}",
            sales=number,
            periods=lately,
            name=features["category"],
            taken=taken,
            times=times,
        )
    return english("popular: {sales} in {periods}", sales=number, periods=lately)
