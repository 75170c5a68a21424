from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from assay.benchmark.plan.build import build
from assay.benchmark.plan.sizes import detectable_difference, plan_difference, plan_mean
from assay.errors import InputError
from assay.testing.benchmarks import make_benchmark

POOL = make_benchmark(requests=400)


def test_a_size_gives_so_many_requests_with_all_that_belongs_to_them():
    made = build(POOL, size=60, seed=3)
    assert len(made) == made.about["size"] == 60
    weight = made.requests.column("weight").to_numpy()
    assert weight.sum() == pytest.approx(1)
    ids = set(made.requests.column("request_id").to_pylist())
    assert set(made.truth.column("request_id").to_pylist()) == ids == set(made.candidates.column("request_id").to_pylist())
    assert made.scores.request.to_pylist() == sorted(ids)
    assert made.about["of"] == "made-up requests"
    assert made.about["detectable"] == detectable_difference(made.scores.of("ndcg@10"), users=made.scores.user)


def test_the_chosen_mirror_the_traffic():
    made = build(POOL, size=80)
    devices = made.requests.column("device").to_pylist()
    for line in made.about["shares"]:
        assert line["chosen"] == pytest.approx(line["traffic"], abs=2 / 80)
        if line["attribute"] == "device":
            assert devices.count(line["level"]) / 80 == pytest.approx(line["chosen"])
    assert {line["attribute"] for line in made.about["distances"]} == {"device", "price"}
    assert max(line["distance"] for line in made.about["distances"]) < 0.03


def test_another_traffic_is_mirrored():
    live = pa.table({"device": ["phone"] * 20 + ["桌面"] * 20 + ["📺"] * 40 + ["מחשב"] * 20})
    made = build(POOL, size=50, traffic=live)
    weight = made.requests.column("weight").to_numpy()
    tv = np.array(made.requests.column("device").to_pylist()) == "📺"
    assert weight[tv].sum() == pytest.approx(0.4, abs=0.03)
    assert "price is not known of the traffic: not balanced on" in made.about["unmatched"]


def test_sizes_follow_from_what_is_asked():
    board = POOL.scores
    planned = plan_difference(board.of("ndcg@10"), 0.06, users=board.user)
    made = build(POOL, difference=0.06)
    assert (len(made), made.about["asked"], made.about["plan"]) == (planned.size, {"difference": 0.06}, str(planned))
    near = plan_mean(board.of("ndcg@10"), 0.2, families=np.array(board.families))
    assert len(build(POOL, within=0.2)) == near.size
    assert len(build(POOL)) == 400


def test_other_measures_may_decide():
    first = replace(POOL, measures=("mrr@10", "ndcg@10"))
    assert build(first, difference=0.08).about["measure"] == "mrr@10"


@pytest.mark.parametrize(
    ("pool", "changed", "match"),
    [
        (POOL, {"size": 9, "within": 0.1}, "size and within are asked; a benchmark has one size"),
        (POOL, {"difference": 1e-4}, r"requests cannot give .* Ask for less, or bring a longer log\."),
        (POOL, {"size": 401}, "size is 401, but the pool has 400 requests"),
        (replace(POOL, scores=None), {"difference": 0.1}, "no system was scored on these requests"),
    ],
)
def test_what_is_refused(pool, changed, match):
    with pytest.raises(InputError, match=match):
        build(pool, **changed)


def test_a_pool_without_scores_or_attributes_can_be_built_from():
    bare = replace(POOL, scores=None, requests=POOL.requests.select(["request_id", "user_id"]))
    made = build(bare, size=30)
    assert (len(made), made.about["detectable"], made.about["distances"], made.about["shares"]) == (30, None, [], [])


def test_what_was_built_can_be_built_from_again():
    again = build(build(POOL, size=100), size=50)
    assert again.requests.column_names.count("weight") == 1
    assert again.requests.column("weight").to_numpy().sum() == pytest.approx(1)
