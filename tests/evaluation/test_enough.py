import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.benchmark.plan.sizes import plan_difference
from assay.evaluation.claims import LEAST_USERS, SMALLEST_DIFFERENCE
from assay.evaluation.enough import requests_needed
from assay.numerics.statistics import t_test


def ranked(stderr, users, value=0.0):
    _, low, high = t_test(value, stderr, users)
    return {"ndcg@10": {"low": float(low), "high": float(high)}}


def test_it_is_the_size_that_the_benchmark_plans_for_the_same_difference():
    rng = np.random.default_rng(0)
    scores = np.clip(0.3 + 0.03 * rng.standard_normal((2, 400_000)), 0, 1)  # so many that those drawn hardly are a part
    planned = plan_difference(scores, SMALLEST_DIFFERENCE, about="log").size
    assert planned is not None
    few = scores[:, :100]
    stderr = np.std(few[1] - few[0], ddof=1) / 10
    needed = requests_needed(ranked(stderr, 100), users=100, requests=100)
    assert needed == pytest.approx(planned, rel=0.3)  # 100 requests know the variance to some 15 %
    assert needed > 300


def test_two_users_are_never_enough():
    assert requests_needed(ranked(0.0, 2, 0.4), users=2, requests=2) == LEAST_USERS
    assert requests_needed(ranked(0.1, 2, 0.4), users=2, requests=2) > 10_000
    assert requests_needed({"ndcg@10": {"low": np.nan, "high": np.nan}}, users=1, requests=3) == 3 * LEAST_USERS
    assert requests_needed({"auc": {"low": -1.0, "high": 1.0}}, users=2, requests=2) == LEAST_USERS
    assert requests_needed({"auc": {"low": -1.0, "high": 1.0}}, users=LEAST_USERS, requests=40) is None


@pytest.mark.parametrize(("value", "enough"), [(0.02, False), (-0.02, False), (0.045, False), (0.06, True), (-0.06, True)])
def test_a_change_far_beyond_doubt_is_told_by_fewer(value, enough):
    stderr = 0.01  # a difference of .028 is found by 200 users, and .005 is not
    assert (requests_needed(ranked(stderr, 200, value), users=200, requests=200) is None) == enough


@given(h.floats(1e-5, 0.2), h.integers(LEAST_USERS, 5000), h.integers(1, 9))
def test_what_is_needed_would_be_enough(stderr, users, each):
    needed = requests_needed(ranked(stderr, users), users=users, requests=users * each)
    if needed is None:
        return
    more = needed / (users * each)
    later = round(users * more)
    assert requests_needed(ranked(stderr / more**0.5, later), users=later, requests=needed) is None
