"""Defects of log construction, planted in clean training samples: what who looks for harmful slices must name."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.numerics.hashing import hash_ids, mix
from assay.samples.table import Samples

Mask = NDArray[np.bool_]
Defect = Callable[[Samples, np.random.Generator], tuple[Samples, Mask]]


def _with(samples: Samples, **columns: NDArray[np.generic]) -> Samples:
    keys = samples.keys
    for name, values in columns.items():
        at = keys.column_names.index(name)
        keys = keys.set_column(at, name, pa.array(values).cast(keys.schema.field(name).type))
    return replace(samples, keys=keys)


def _append(samples: Samples, rows: NDArray[np.int64], seed: int, **columns: NDArray[np.generic]) -> tuple[Samples, Mask]:
    """The samples and more of them, copies of rows under ids of their own."""
    more = samples.take(rows)
    ids = mix(seed, more.keys.column("sample_id").to_numpy().view(np.uint64), np.arange(len(rows))).view(np.int64)
    more = _with(more, sample_id=ids, **columns)
    keys, features = (pa.concat_tables(pair) for pair in ((samples.keys, more.keys), (samples.features, more.features)))
    both = replace(samples, keys=keys, features=features.unify_dictionaries().combine_chunks())
    return both, np.arange(len(both)) >= len(samples)


def not_on_sale(samples: Samples, rng: np.random.Generator) -> tuple[Samples, Mask]:
    """The six most taken items come on sale after three fifths of the periods, yet stand among earlier negatives."""
    del rng
    late = np.argsort(-np.bincount(samples.item, samples.label), kind="stable")[:6]
    launch = np.quantile(samples.period, 0.6)
    early = np.isin(samples.item, late) & (samples.period < launch)
    return _with(samples, label=np.where(early, 0, samples.label)), early


def broken_week(samples: Samples, rng: np.random.Generator) -> tuple[Samples, Mask]:
    """One period's tracking is broken: every label of it is turned round."""
    week = int(rng.choice(np.unique(samples.period)))
    rows = samples.period == week
    return _with(samples, label=np.where(rows, 1 - samples.label, samples.label)), rows


def bot_farm(samples: Samples, rng: np.random.Generator) -> tuple[Samples, Mask]:
    """Three users click many times as often as the others, mostly on what nobody takes."""
    users, first = np.unique(samples.user, return_index=True)
    users, first = users[:3], first[:3]
    unpopular = 1.0 / (1.0 + np.bincount(samples.item, samples.label)[samples.item])
    rows = rng.choice(len(samples), len(samples) // 8, p=unpopular / unpopular.sum())
    user = rng.choice(users, len(rows))
    names = dict(zip(users.tolist(), samples.keys.column("user_id").take(pa.array(first)).to_pylist(), strict=True))
    user_id = np.array([names[int(u)] for u in user])
    request = mix(hash_ids(user_id), samples.period[rows], np.arange(len(rows))).view(np.int64)
    changed, _ = _append(
        samples, rows, 1, user_code=user, user_id=user_id, request_id=request, label=np.ones(len(rows), np.int8)
    )  # fmt: skip
    return changed, np.isin(changed.user, users)


def swapped_category(samples: Samples, rng: np.random.Generator) -> tuple[Samples, Mask]:
    """The labels of one category mean the opposite."""
    column = samples.features.column("category").combine_chunks()
    codes = column.indices.to_numpy(zero_copy_only=False)
    rows = codes == rng.integers(len(column.dictionary))
    return _with(samples, label=np.where(rows, 1 - samples.label, samples.label)), rows


def duplicated_sessions(samples: Samples, rng: np.random.Generator) -> tuple[Samples, Mask]:
    """Every twelfth request was written five times."""
    requests = np.unique(samples.request)
    chosen = np.isin(samples.request, rng.choice(requests, len(requests) // 12, replace=False))
    changed, _ = _append(samples, np.repeat(np.flatnonzero(chosen), 4), 2)
    return changed, np.isin(changed.request, np.unique(samples.request[chosen]))


def price_in_another_unit(samples: Samples, rng: np.random.Generator) -> tuple[Samples, Mask]:
    """Three neighbouring periods have the price in cents."""
    periods = np.unique(samples.period)
    first = int(rng.integers(len(periods) - 2))
    price = samples.features.column("price").to_numpy().astype(np.float64)
    rows = np.isin(samples.period, periods[first : first + 3]) & np.isfinite(price)
    at = samples.features.column_names.index("price")
    column = pa.array(np.where(rows, 100 * price, price).astype(np.float32), pa.float32(), from_pandas=True)
    features = samples.features.set_column(at, "price", column)
    return replace(samples, features=features), rows


DEFECTS: dict[str, Defect] = {
    kind.__name__: kind
    for kind in (not_on_sale, broken_week, bot_farm, swapped_category, duplicated_sessions, price_in_another_unit)
}


def robot_users(samples: Samples, rng: np.random.Generator, count: int = 8) -> tuple[Samples, Mask]:
    """New users who take the same few items over and over, at the same hours, as often as busy people do."""
    favourites = rng.choice(np.unique(samples.item), 6, replace=False)
    usual = np.flatnonzero(np.isin(samples.item, favourites))
    size = int(np.quantile(np.bincount(samples.user), 0.9))
    rows = rng.choice(usual, count * size)
    robot = np.repeat(np.arange(count), size)
    user_id = np.array([f"robot-{k}" for k in robot])
    columns = {"user_code": int(samples.user.max()) + 1 + robot, "user_id": user_id, "label": np.ones(len(rows), np.int8)}
    columns["request_id"] = mix(hash_ids(user_id), samples.period[rows], np.arange(len(rows))).view(np.int64)
    if "hour" in samples.keys.column_names:
        columns["hour"] = np.full(len(rows), 3, np.int8)
    return _append(samples, rows, 3, **columns)
