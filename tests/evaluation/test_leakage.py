import json

import numpy as np
import pyarrow as pa

from assay.evaluation import leaks
from assay.samples.table import Samples
from assay.tables import SAMPLE_KEYS

WEEK = 7 * 86_400_000_000


def samples(rows=4000, **changes):
    rng = np.random.default_rng(0)
    period = np.sort(rng.integers(0, 8, rows))
    label = rng.integers(0, 2, rows)
    columns = {
        "sample_id": np.arange(rows),
        "user_id": pa.array([f"מ{i}" for i in rng.integers(0, 50, rows)]),
        "item_id": pa.array([f"🛒{i}" for i in rng.integers(0, 50, rows)]),
        "request_id": np.arange(rows) // 2 + period * rows,
        "user_code": np.zeros(rows, np.int32),
        "item_code": np.zeros(rows, np.int32),
        "period": period,
        "timestamp": period * WEEK,
        "split": pa.array(np.array(["train"] * 5 + ["validation", "tuning", "test"])[period]),
        "label": label,
        "weight": np.ones(rows),
    }
    columns.update({name: change for name, change in changes.items() if name in columns})
    keys = pa.table({name: pa.array(columns[name]).cast(kind) for name, (kind, _) in SAMPLE_KEYS.items()})
    features = {
        "price": rng.random(rows),
        "brand": pa.array(rng.choice(["a", "b"], rows)).dictionary_encode(),
    }
    features.update({name: change for name, change in changes.items() if name not in columns})
    return Samples(keys, pa.table(features)), label, period


def test_clean_samples_have_no_finding():
    assert leaks(samples()[0]) == []
    assert leaks(samples()[0].take(np.zeros(4000, bool))) == []


def test_each_leak_is_found():
    _, label, period = samples()
    many = np.arange(4000) + 10_000 * label
    cases = {
        "time_overlap": {"timestamp": np.where(np.arange(4000) == 7, 7, period) * WEEK},
        "same_sample": {"sample_id": np.arange(4000) % 3999},
        "same_request": {"request_id": np.arange(4000) % 2000 + 10_000},
        "label_in_disguise": {"bought_later": -label.astype(float)},
        "unlike_periods": {"label": np.where(period == 2, np.arange(4000) % 10 == 0, label)},
    }
    for check, change in cases.items():
        found = leaks(samples(**change)[0])
        assert [finding.check for finding in found] == [check]
        assert 1 <= found[0].rows <= 4000
        assert 1 <= len(found[0].examples) <= 3
        assert found[0].severity == ("warning" if check == "unlike_periods" else "error")
        json.dumps(found[0].to_dict(), allow_nan=False)
    assert leaks(samples(key=pa.array(many.astype(str)).dictionary_encode())[0]) == []


def test_nulls_and_categories_that_give_the_label_away():
    _, label, _ = samples()
    by_null = pa.array(np.random.default_rng(1).random(4000), mask=label == 1)
    by_name = pa.array(np.where(label == 1, "oui", "non")).dictionary_encode()
    constant = pa.nulls(4000, pa.float32())
    found = leaks(samples(by_null=by_null, by_name=by_name, constant=constant)[0])
    assert [finding.message.split("'")[1] for finding in found] == ["by_null", "by_name"]
