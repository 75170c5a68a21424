from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from assay.benchmark.keep.folder import freeze
from assay.benchmark.keep.renewal import status
from assay.benchmark.plan.build import build
from assay.testing.benchmarks import DEVICES, make_benchmark, predictions

POOL = make_benchmark(requests=300)


@pytest.fixture
def kept(tmp_path):
    return freeze(build(POOL), tmp_path / "b", name="shop")


def like_the_pool(n=3_000, p=(0.5, 0.3, 0.15, 0.05), seed=1):
    rng = np.random.default_rng(seed)
    return pa.table({"device": np.array(DEVICES)[rng.choice(4, n, p=p)], "price": rng.lognormal(1.0, 0.6, n)})


def test_uses_are_counted_by_what_and_by_system(kept):
    kept.score({"new": predictions(POOL, 8)})
    kept.consulted("compare", ("new", "system 0"))
    kept.consulted("compare", ("another",))
    found = status(kept)
    assert (found.uses, found.systems) == ({"score": 1, "compare": 2}, 8)
    assert found.first <= found.last
    assert (found.drift, found.label) == (None, kept.label)


def test_traffic_that_has_moved_is_a_reason_to_renew(kept):
    assert status(kept, like_the_pool()).renew == ()
    moved = status(kept, like_the_pool(p=(0.2, 0.3, 0.15, 0.35)))
    assert len(moved.renew) == 1
    assert moved.renew[0].startswith("device has moved: 27% of the requests")
    assert {line["attribute"] for line in moved.drift} == {"device", "price"}
    weighed = like_the_pool().append_column("weight", pa.array(np.full(3_000, 1 / 3_000)))
    assert {line["attribute"] for line in status(kept, weighed).drift} == {"device", "price"}


def test_so_many_systems_that_the_best_is_flattered_are_a_reason(kept):
    few = status(kept)
    kept.consulted("estimate", tuple(f"try {k}" for k in range(5_000)))
    many = status(kept)
    assert few.renew == ()
    assert many.flattered > few.flattered
    assert many.flattered > many.precision / 2
    assert many.renew[0].startswith("5006 systems have been compared on it")


def test_the_best_of_equal_systems_looks_better_by_so_much():
    """Blom's figure against the mean of the largest of M normals."""
    rng = np.random.default_rng(0)
    for M in (2, 10, 49):
        largest = rng.normal(size=(20_000, M)).max(axis=1).mean()
        assert stats.norm.ppf((M - 0.375) / (M + 0.25)) == pytest.approx(largest, rel=0.06)


def test_without_scores_nothing_is_flattered(tmp_path):
    found = status(freeze(replace(POOL, scores=None, about={"users": 1}), tmp_path / "bare"))
    assert (found.flattered, found.renew, found.systems) == (None, (), 0)
