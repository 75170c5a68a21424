"""Predictions x truth -> measures, intervals over users, paired tests, slices, a leakage audit."""

from assay.evaluation.groups import slice_rankings, slice_samples, usual_slices
from assay.evaluation.leakage import Finding, audit
from assay.evaluation.rankings import compare_rankings, evaluate_rankings
from assay.evaluation.samples import calibration, compare_samples, evaluate_samples
from assay.evaluation.scores import Difference, Estimate, Scores

__all__ = [
    "Difference",
    "Estimate",
    "Finding",
    "Scores",
    "audit",
    "calibration",
    "compare_rankings",
    "compare_samples",
    "evaluate_rankings",
    "evaluate_samples",
    "slice_rankings",
    "slice_samples",
    "usual_slices",
]
