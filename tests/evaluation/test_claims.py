import pytest

from assay.evaluation.claims import helps, hurts, verdict

UP, DOWN, NONE = {"low": 0.01, "high": 0.02}, {"low": -0.02, "high": -0.01}, {"low": -0.01, "high": 0.01}


@pytest.mark.parametrize(
    ("measure", "difference", "expected"),
    [
        ("auc", UP, "better"),
        ("auc", DOWN, "worse"),
        ("auc", NONE, "even"),
        ("log_loss", UP, "worse"),
        ("auc", {"low": None, "high": None}, "even"),
        ("auc", UP | {"needs": None}, "better"),
        ("auc", UP | {"needs": 4000}, "few"),
    ],
)
def test_a_verdict_is_what_the_interval_says_where_requests_are_enough(measure, difference, expected):
    assert verdict(measure, difference) == expected


def test_a_gain_that_cannot_be_told_does_not_help_and_a_loss_still_hurts():
    assert helps({"auc": UP, "ndcg@10": NONE})
    assert not helps({"auc": UP, "ndcg@10": UP | {"needs": 4000}})
    assert not helps({"auc": UP, "ndcg@10": DOWN})
    assert hurts({"auc": DOWN | {"needs": 4000}})
