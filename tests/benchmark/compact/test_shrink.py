from dataclasses import replace

import numpy as np
import pytest

from assay.benchmark.compact.families import leave_out
from assay.benchmark.compact.shrink import shrink
from assay.errors import InputError
from assay.testing.benchmarks import make_benchmark


def test_the_small_set_is_the_requests_drawn_and_says_how_it_was_tried():
    pool = make_benchmark(requests=200)
    made, drawn, trial = shrink(pool, budget=40, redraws=30, seed=5)
    assert made.requests.equals(pool.take(drawn.rows).requests)
    assert made.measures == ("ndcg@10",)
    about = made.about
    assert (about["pool"], about["size"], about["design"], about["seed"]) == (200, 40, "neyman", 5)
    assert about["source_systems"] == {"family 0": 2, "family 1": 2, "family 2": 2}
    board = pool.scores
    exact = leave_out(board.of("ndcg@10"), np.array(board.families), budget=40, designs=("neyman",), redraws=30)
    assert [one["relative"] for one in about["trial"]] == [float(one.relative.mean()) for one in exact]
    assert about["trial"][1]["families"] == dict(zip(trial[1].families, trial[1].relative.tolist(), strict=True))


def test_a_tolerance_finds_the_size():
    pool = make_benchmark(requests=200)
    small, large = (len(shrink(pool, tolerance=t, redraws=2)[1]) for t in (0.05, 0.02))
    assert small < large < 200


def test_one_family_is_tried_a_system_at_a_time():
    pool = make_benchmark(requests=100, systems=3, families=1)
    assert shrink(pool, budget=20, redraws=5)[2][1].leave == "system"


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({}, "give a budget .* or a tolerance"),
        ({"budget": 20, "tolerance": 0.1}, "give a budget .* or a tolerance"),
        ({"budget": 20, "design": "neymann"}, "design 'neymann' is not known; did you mean 'neyman'"),
        ({"tolerance": 0.1, "design": "greedy"}, "greedy anchors have no error to tolerate"),
        ({"budget": 201}, "budget is 201, but there are 200 requests"),
    ],
)
def test_what_is_refused(changed, match):
    with pytest.raises(InputError, match=match):
        shrink(make_benchmark(requests=200), **changed)


def test_without_scores_there_is_nothing_to_draw_by():
    with pytest.raises(InputError, match="no system was scored"):
        shrink(replace(make_benchmark(requests=50), scores=None), budget=20)


def test_systems_that_score_the_same_have_no_order():
    pool = make_benchmark(requests=100, systems=3, families=3)
    same = replace(pool.scores, scores={name: values[[0, 0, 0]] for name, values in pool.scores.scores.items()})
    made, _, _ = shrink(replace(pool, scores=same), budget=20, redraws=3)
    assert [one["tau"] for one in made.about["trial"]] == [None, None]
