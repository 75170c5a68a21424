"""Labelled samples made by hand, for tests: every key, four splits in time, numbers and categories with gaps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from assay.numerics.hashing import hash_ids, mix
from assay.numerics.periods import starts
from assay.samples.table import Samples
from assay.tables import SAMPLE_KEYS, SPLITS
from assay.task import BINARY, LabelType

CATEGORIES = ("milk", "蛋奶", "🍌 fruit", "מוצרי חלב", 'A & B, "C"', "хлеб", "wine", "pet food")
DEPARTMENTS = ("food", "饮料", "משק בית")
BRANDS = ("own", "Ünïcode", "🐝")
FIRST_PERIOD = 2_500
PERIODS = 20  # 10 of train, 3 of validation, 3 of tuning, 4 of test
NEGATIVE_KINDS = ("popularity", "history", "category")


@dataclass(frozen=True)
class Indicators:
    """An encoder of tests: an intercept, one column a level of category features, standardised numbers.

    names: "intercept", "feature=level", "feature". It learns from the rows it is made of.
    """

    names: Sequence[str]
    levels: dict[str, dict[str, int]]
    scales: dict[str, tuple[int, float, float]]

    @classmethod
    def learn(cls, features: pa.Table) -> "Indicators":
        """Levels in order of text, mean and deviation of numbers."""
        names: list[str] = ["intercept"]
        levels: dict[str, dict[str, int]] = {}
        scales: dict[str, tuple[int, float, float]] = {}
        for name in features.column_names:
            column = features.column(name)
            if pa.types.is_dictionary(column.type):
                seen = sorted(level for level in pc.unique(column.cast(pa.string())).to_pylist() if level is not None)
                levels[name] = {level: len(names) + k for k, level in enumerate(seen)}
                names += [f"{name}={level}" for level in seen]
            else:
                values = column.to_numpy().astype(np.float64)
                finite = values[~np.isnan(values)]
                spread = float(finite.std()) if len(finite) else 1.0
                scales[name] = (len(names), float(finite.mean()) if len(finite) else 0.0, spread or 1.0)
                names.append(name)
        return cls(names, levels, scales)

    def transform(self, features: pa.Table) -> sparse.csr_array:
        """(n,) rows -> CSR (n, p) float32; an unknown level or number has no entry."""
        n = features.num_rows
        rows, columns = [np.arange(n)], [np.zeros(n, np.int64)]
        data: list[NDArray[np.float64]] = [np.ones(n)]
        for name, places in self.levels.items():
            at = np.array([places.get(level, -1) for level in features.column(name).to_pylist()], np.int64).reshape(-1)
            rows.append(np.flatnonzero(at >= 0))
            columns.append(at[at >= 0])
            data.append(np.ones(len(rows[-1])))
        for name, (place, mean, spread) in self.scales.items():
            values = (features.column(name).to_numpy().astype(np.float64) - mean) / spread
            rows.append(np.flatnonzero(~np.isnan(values)))
            columns.append(np.full(len(rows[-1]), place))
            data.append(values[rows[-1]])
        entries = (np.concatenate(data).astype(np.float32), (np.concatenate(rows), np.concatenate(columns)))
        matrix = sparse.csr_array(sparse.coo_array(entries, shape=(n, len(self.names))))
        matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
        matrix.sort_indices()
        return matrix


def make_samples(
    n: int = 2000,
    users: int = 100,
    items: int = 60,
    seed: int = 0,
    features: Sequence[str] | None = None,
    labels: LabelType = BINARY,
) -> Samples:
    """n labelled samples of all four splits in order of time, with an encoder fitted on train.

    About two in five are positive: more so for popular items, items bought before, cheap ones and some categories.
    features: which of the feature columns to keep (default: all). labels: their kind; grades are 1 to 3 of what is positive,
    amounts are what makes a positive likely, and noise. The same arguments give the same samples.
    """
    rng = np.random.default_rng(seed)
    user = rng.integers(users, size=n)
    item = np.minimum((items * rng.random(n) ** 2).astype(np.int64), items - 1)  # low codes are popular
    period = np.sort(rng.integers(PERIODS, size=n))
    category = np.arange(items) % len(CATEGORIES)
    buyers = np.round(60.0 / (1.0 + np.arange(items)))[item] + rng.integers(0, 4, n)
    times = np.where(rng.random(n) < 0.3, rng.integers(1, 9, n), 0).astype(np.float64)
    since = np.where(times > 0, rng.integers(1, 12, n), np.nan)
    price = np.exp(rng.normal(0.5, 0.7, items))[item] * rng.choice([0.8, 1.0, 1.0, 1.1], n)
    taste = rng.normal(0.0, 0.8, (users, len(CATEGORIES)))[user, category[item]]
    kinds = rng.choice(NEGATIVE_KINDS, n)
    margin = 0.7 * np.log1p(buyers) + 0.5 * times * (times < 6) - 0.4 * price + taste + 0.5 * (category[item] == 1) - 1.9
    label = (rng.random(n) < 1.0 / (1.0 + np.exp(-margin))).astype(np.int8)
    numeric = {
        "item_buyers_4": np.where(rng.random(n) < 0.05, np.nan, buyers),
        "pair_times_bought": np.where(times == 0, np.where(rng.random(n) < 0.5, np.nan, 0.0), times),
        "pair_periods_since": since,
        "price": np.where(rng.random(n) < 0.1, np.nan, price),
        "user_spend": rng.gamma(2.0, 20.0, users)[user],
        "noise": rng.normal(size=n),
    }
    user_ids = pa.array([f"u{k:04d}" if k % 7 else f"用户-{k}" for k in range(users)])
    item_ids = pa.array([f"{k:06d}" for k in range(items)])
    coded = {
        "user": (user, user_ids),
        "item": (item, item_ids),
        "department": (category[item] % len(DEPARTMENTS), pa.array(DEPARTMENTS)),
        "category": (category[item], pa.array(CATEGORIES)),
        "brand": (rng.integers(-1, len(BRANDS), items)[item], pa.array(BRANDS)),
    }
    user_id, item_id = user_ids.take(pa.array(user)), item_ids.take(pa.array(item))
    request = mix(hash_ids(user_id), period)
    columns = {
        "sample_id": mix(request, hash_ids(item_id), np.arange(n)).view(np.int64),
        "user_id": user_id,
        "item_id": item_id,
        "request_id": request.view(np.int64),
        "user_code": user,
        "item_code": item,
        "period": FIRST_PERIOD + period,
        "timestamp": starts((FIRST_PERIOD + period).astype(np.int32), 7),
        "split": np.array(SPLITS)[np.searchsorted([10, 13, 16], period, side="right")],
        "label": label,
        "weight": np.ones(n),
    }
    keys = pa.table({name: pa.array(columns[name], kind) for name, (kind, _) in SAMPLE_KEYS.items()})
    keys = keys.append_column("kind", pa.array(np.where(label > 0, "positive", kinds), pa.string()))
    keys = keys.append_column("hour", pa.array(np.random.default_rng([seed, 1]).integers(24, size=n), pa.int8()))
    if labels.has_amounts:
        keys = _with_amounts(keys, margin, labels, np.random.default_rng([seed, 2]))
    table = {name: pa.array(values, pa.float32(), from_pandas=True) for name, values in numeric.items()}
    for name, (codes, levels) in coded.items():
        indices = pa.array(codes, pa.int32(), mask=codes < 0)
        table[name] = pa.DictionaryArray.from_arrays(indices, levels.cast(pa.string()))
    readable = pa.table(table)
    readable = readable if features is None else readable.select(list(features))
    plain = Samples(keys, readable)
    return Samples(keys, readable, Indicators.learn(plain.split("train").features), label_type=labels)


def _with_amounts(keys: pa.Table, margin: NDArray[np.float64], labels: LabelType, rng: np.random.Generator) -> pa.Table:
    """Keys with the column `amount`, and the label that follows from it."""
    positive = keys.column("label").to_numpy()
    amount = positive * rng.integers(1, 4, len(positive)) if labels.is_chance else 2.0 * margin + rng.normal(size=len(margin))
    label = pa.array((amount > 0).astype(np.int8))
    keys = keys.set_column(keys.column_names.index("label"), "label", label)
    return keys.append_column("amount", pa.array(amount, pa.float64()))
