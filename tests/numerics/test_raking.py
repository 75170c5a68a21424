import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.numerics.raking import TOLERANCE, margins, rake


def problem(seed: int, N: int = 300):
    """Codes of three attributes, every pair of levels there, and shares to reach."""
    rng = np.random.default_rng(seed)
    levels = [rng.integers(0, k, N) for k in (2, 3, 4)]
    targets = [rng.dirichlet(np.full(k, 5.0)) for k in (2, 3, 4)]
    return levels, targets, rng.uniform(0.5, 2, N)


def test_one_attribute_is_poststratification():
    code = np.array([0, 0, 0, 1])
    assert rake([code], [np.array([0.4, 0.6])]).tolist() == pytest.approx([0.4 / 3] * 3 + [0.6])


@given(h.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_margins_are_met_and_nothing_else_is_changed(seed):
    levels, targets, start = problem(seed)
    weight = rake(levels, targets, start)
    assert weight.sum() == pytest.approx(1)
    for held, share in zip(margins(levels, targets, weight), targets, strict=True):
        np.testing.assert_allclose(held, share, atol=TOLERANCE)
    # The weight over the start is a product of one factor an attribute: its logarithm is a sum of columns.
    columns = np.hstack([np.eye(len(share))[code] for code, share in zip(levels, targets, strict=True)])
    factor = np.log(weight / start)
    fitted = columns @ np.linalg.lstsq(columns, factor, rcond=None)[0]
    np.testing.assert_allclose(fitted, factor, atol=1e-9)


def test_units_that_fit_already_keep_their_weights():
    code = np.arange(7) % 2
    assert rake([code], [np.array([4, 3]) / 7]).tolist() == [1 / 7] * 7


def test_the_order_of_units_does_not_matter():
    levels, targets, start = problem(1)
    turn = np.random.default_rng(0).permutation(300)
    again = rake([code[turn] for code in levels], targets, start[turn])
    np.testing.assert_allclose(again, rake(levels, targets, start)[turn], rtol=1e-9)


def test_a_level_wished_at_nothing_gets_nothing():
    weight = rake([np.array([0, 1, 1, 2])], [np.array([0.5, 0.5, 0.0])])
    assert weight.tolist() == [0.5, 0.25, 0.25, 0.0]


def test_no_weight_is_above_the_cap():
    code = np.repeat([0, 1], [1, 199])
    weight = rake([code], [np.array([0.2, 0.8])], cap=10)
    assert weight.max() == pytest.approx(10 / 200)
    assert weight[0] == weight.max()
    assert weight.sum() == pytest.approx(1)
    assert margins([code], [np.array([0.2, 0.8])], weight)[0][0] == pytest.approx(0.05)


def test_the_cap_gives_way_where_few_units_may_hold_everything():
    code = np.repeat([0, 1], [3, 997])
    assert rake([code], [np.array([1.0, 0.0])])[:3].tolist() == pytest.approx([1 / 3] * 3)


def test_levels_that_go_together_leave_what_cannot_be():
    """Both attributes are one: its two targets cannot both be met."""
    code = np.repeat([0, 1], 50)
    targets = [np.array([0.3, 0.7]), np.array([0.5, 0.5])]
    held = margins([code, code], targets, rake([code, code], targets))
    assert held[0].tolist() == held[1].tolist() == pytest.approx([0.5, 0.5])


def test_a_level_whose_units_all_lost_their_weight():
    levels = [np.array([0, 1, 1]), np.array([0, 1, 1])]
    targets = [np.array([1.0, 0.0]), np.array([0.5, 0.5])]
    weight = rake(levels, targets)
    assert weight.tolist() == [1, 0, 0]
    assert margins(levels, targets, weight)[1].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("levels", "targets", "start", "message"),
    [
        ([np.zeros(2, int)], [np.ones(1)], np.ones(3), "2 codes for 3 units"),
        ([np.array([0, 2])], [np.array([0.5, 0.5])], None, "its codes go from 0 to 2"),
        ([np.array([0, 1])], [np.array([0.5, 0.4])], None, "sum to 0.9"),
        ([np.array([0, 0])], [np.array([0.5, 0.5])], None, "level 1 of attribute 0 is wished for at 0.5"),
        ([np.array([0, 1])], [np.array([0.5, 0.5])], np.array([1.0, 0.0]), "level 1 of attribute 0"),
        ([np.array([0, 1])], [np.array([0.5, 0.5])], np.array([1.0, -1.0]), "start has weights below 0"),
        ([np.array([0, 1])], [np.array([0.5, 0.5])], np.zeros(2), "none above 0"),
        ([], [], None, "no attributes and no start"),
    ],
)
def test_refuses_what_does_not_fit(levels, targets, start, message):
    with pytest.raises(ValueError, match=message):
        rake(levels, targets, start)


def test_a_start_alone_is_brought_to_sum_to_one():
    assert rake([], [], np.array([1.0, 3.0])).tolist() == [0.25, 0.75]
