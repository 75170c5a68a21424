"""Predictions x truth -> measures, intervals over users, paired tests, groups, leaks."""

from assay.evaluation.groups import group_rankings, group_samples, usual_groups
from assay.evaluation.leakage import Finding, leaks
from assay.evaluation.rankings import compare_rankings, evaluate_rankings
from assay.evaluation.samples import calibration, compare_samples, evaluate_samples
from assay.evaluation.scores import Difference, Estimate, Scores

__all__ = [
    "Difference",
    "Estimate",
    "Finding",
    "Scores",
    "calibration",
    "compare_rankings",
    "compare_samples",
    "evaluate_rankings",
    "evaluate_samples",
    "group_rankings",
    "group_samples",
    "leaks",
    "usual_groups",
]
