"""What of fairlearn's is not taken as it is: a rate of nobody is not 0. Its figures are tested in test_gaps.py."""

import numpy as np
import pytest

pytest.importorskip("fairlearn")
from assay.evaluation.fairness import fairness


def test_a_group_without_positives_has_no_true_positive_rate_and_makes_no_gap():
    label, score, level = [1, 0, 1, 0, 0, 0], [0.9, 0.1, 0.8, 0.2, 0.7, 0.1], ["a", "a", "b", "b", "c", "c"]
    found = fairness(label, score, level)
    assert np.isnan(found.rates["true_positive_rate"]["c"])
    assert found.rates["true_positive_rate"]["a"] == 1.0
    assert found.gaps == {"demographic_parity_difference": 0.0, "equalized_odds_difference": 0.5}  # of label 0, not of label 1


def test_rows_without_weight_are_nobody():
    found = fairness([1, 0, 1], [0.9, 0.1, 0.9], ["a", "b", "gone"], weight=[1, 1, 0])
    assert found.groups == ["a", "b"]
