import shutil

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h
from ir_measures import ERR, Judged

from assay.numerics import graded

GAINS = h.lists(h.integers(0, 5), min_size=1, max_size=8)


@given(GAINS, h.integers(5, 1000))
def test_err_is_the_expected_reciprocal_of_where_the_user_stops(gains, highest):
    expected, reaches = 0.0, 1.0
    for place, gain in enumerate(gains, 1):
        satisfied = (2**gain - 1) / 2**highest  # exact for whole numbers
        expected += reaches * satisfied / place
        reaches *= 1 - satisfied
    found = graded.err(np.array([gains], float), highest)[0]
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-300)
    assert 0 <= found <= 1


@given(GAINS, h.floats(0.01, 0.99))
def test_rbp_is_the_rate_at_which_a_user_of_that_patience_finds_what_is_right(gains, p):
    expected = (1 - p) * sum(p ** (place - 1) for place, gain in enumerate(gains, 1) if gain > 0)
    assert graded.rbp(np.array([gains], float), p)[0] == pytest.approx(expected, rel=1e-12)


def test_rbp_of_a_perfect_endless_list_is_one():
    assert graded.rbp(np.ones((1, 400)), 0.8)[0] == pytest.approx(1.0)
    assert graded.rbp(np.ones((1, 1)))[0] == pytest.approx(0.2)


def lists(seed, requests=40, k=10):
    """Ids, grades (None: not judged) of lists that may be shorter than k."""
    rng = np.random.default_rng(seed)
    return [
        [(f"d{i}", None if rng.random() < 0.4 else int(rng.integers(0, 5))) for i in range(rng.integers(1, k + 4))]
        for _ in range(requests)
    ]


def theirs(measure, made):
    qrels = [ir_measures.Qrel(str(r), d, g) for r, docs in enumerate(made) for d, g in [*docs, ("unseen", 1)] if g is not None]
    run = [ir_measures.ScoredDoc(str(r), d, float(-n)) for r, docs in enumerate(made) for n, (d, _) in enumerate(docs)]
    values = {one.query_id: one.value for one in ir_measures.iter_calc([measure], qrels, run)}
    return np.array([values[str(r)] for r in range(len(made))])


def arrays(made, k=10):
    gain, has, listed = np.zeros((len(made), k)), np.zeros((len(made), k), bool), np.zeros((len(made), k), bool)
    for r, docs in enumerate(made):
        for n, (_, grade) in enumerate(docs[:k]):
            gain[r, n], has[r, n], listed[r, n] = grade or 0, grade is not None, True
    return gain, has, listed


@pytest.mark.skipif(shutil.which("perl") is None, reason="ir_measures takes ERR from gdeval.pl")
def test_err_equals_gdeval():
    made = lists(1)
    found = graded.err(arrays(made)[0], 4.0)
    np.testing.assert_allclose(found, theirs(ERR @ 10, made), atol=6e-6)  # gdeval prints five digits
    assert found.max() > 0.3


def test_judged_equals_ir_measures():
    made = lists(2)
    _, has, listed = arrays(made)
    np.testing.assert_allclose(graded.judged(has, listed), theirs(Judged @ 10, made), rtol=1e-12)
    assert np.isnan(graded.judged(np.zeros((1, 3), bool), np.zeros((1, 3), bool))[0])


@settings(max_examples=30)
@given(GAINS)
def test_gains_above_the_scale_count_as_its_best(gains):
    both = [graded.err(np.array([row], float), 3.0)[0] for row in (gains, [min(gain, 3) for gain in gains])]
    assert both[0] == both[1]
