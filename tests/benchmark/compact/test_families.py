import numpy as np
import pytest
from scipy import stats

from assay.benchmark.compact.designs import compact
from assay.benchmark.compact.estimation import estimate
from assay.benchmark.compact.families import leave_out
from assay.errors import InputError
from assay.testing.scores import make_scores

BOARD = make_scores(1200, 400, 12, 4)


def test_the_report_against_one_draw_after_another():
    """The same redraws, each made and estimated on its own without the family."""
    found = leave_out(BOARD.scores, BOARD.families, budget=40, designs=["stratified"], redraws=20, seed=7)
    report = found[1]
    inside = BOARD.families == "family 2"
    truth = BOARD.scores[inside].mean(axis=1)
    off, covered, width = [], [], []
    for seed in range(7, 27):
        drawn = compact(BOARD.scores[~inside], budget=40, design="stratified", families=BOARD.families[~inside], seed=seed)
        for y, mean in zip(BOARD.scores[inside], truth, strict=True):
            e = estimate(drawn, y[drawn.rows])
            off.append(e.value - mean)
            covered.append(e.low <= mean <= e.high)
            width.append((e.high - e.low) / 2)
    k = report.families.index("family 2")
    assert report.error[k] == pytest.approx(np.mean(np.abs(off)))
    assert report.bias[k] == pytest.approx(np.mean(off))
    assert report.coverage[k] == pytest.approx(np.mean(covered))
    assert report.half_width[k] == pytest.approx(np.mean(width))


def test_a_system_left_out_keeps_its_family_among_the_sources():
    rest = np.arange(12) != 5
    off = []
    for seed in range(1, 6):
        drawn = compact(BOARD.scores[rest], budget=40, design="simple", families=BOARD.families[rest], seed=seed)
        off.append(estimate(drawn, BOARD.scores[5][drawn.rows]).value - BOARD.scores[5].mean())
    one = leave_out(
        BOARD.scores, [f"{s}" if s == 5 else f"x{f}" for s, f in enumerate(BOARD.families)], budget=40, leave="system",
        designs=["simple"], redraws=5, seed=1,
    )[1]  # fmt: skip
    assert one.error[one.families.index("5")] == pytest.approx(np.mean(np.abs(off)))


def test_the_simple_mean_against_its_formula():
    base = leave_out(BOARD.scores, BOARD.families, budget=100, designs=[], redraws=2000)[0]
    N = BOARD.scores.shape[1]
    error = BOARD.scores.std(axis=1, ddof=1) * np.sqrt(1 / 100 - 1 / N)
    for k, name in enumerate(base.families):
        inside = BOARD.families == name
        assert base.error[k] == pytest.approx(np.sqrt(2 / np.pi) * error[inside].mean(), rel=0.06)
        assert base.half_width[k] == pytest.approx(stats.t.ppf(0.975, 99) * error[inside].mean(), rel=0.03)
        assert base.relative[k] == 1
    assert base.detectable / base.half_width == pytest.approx(1 + stats.t.ppf(0.8, 99) / stats.t.ppf(0.975, 99))


@pytest.mark.slow
def test_sources_help_and_intervals_hold():
    board = make_scores(4000, 1200, 24, 8)
    for leave, most in (("family", 0.7), ("system", 0.5)):
        for report in leave_out(board.scores, board.families, budget=100, leave=leave, redraws=300)[1:]:
            systems = np.array([(board.families == name).sum() for name in report.families])
            assert report.relative.mean() <= most
            assert 0.93 <= systems @ report.coverage / 24 <= 0.97
            assert np.abs(report.bias).max() < 0.25 * report.error.mean()
            assert report.tau_placed.mean() > report.tau


def test_same_seed_same_figures():
    a, b = (leave_out(BOARD.scores, BOARD.families, budget=20, redraws=10) for _ in range(2))
    for one, two in zip(a, b, strict=True):
        np.testing.assert_array_equal(one.error, two.error)
        assert one.tau == two.tau


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"families": ["a"] * 12}, "one family only"),
        ({"budget": 1201}, "1200 requests"),
        ({"budget": 3}, "10 requests or more"),
        ({"designs": ["random"]}, "design 'random'"),
        ({"redraws": 1}, "redraws is 1"),
        ({"scores": BOARD.scores[:2], "families": ["a", "b"]}, "2 system"),
    ],
)
def test_refuses_what_the_user_must_mend(change, message):
    with pytest.raises(InputError, match=message):
        leave_out(**({"scores": BOARD.scores, "families": BOARD.families, "budget": 50} | change))


def test_refuses_arrays_that_do_not_fit():
    with pytest.raises(ValueError, match="12 systems"):
        leave_out(BOARD.scores, ["a", "b"], budget=20)
    with pytest.raises(ValueError, match="leave is 'user'"):
        leave_out(BOARD.scores, BOARD.families, budget=20, leave="user")
