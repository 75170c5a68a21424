"""Predictions x truth -> measures, intervals over users, paired tests, groups, leaks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.evaluation.amounts import compare_amounts, evaluate_amounts
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
    "compare_amounts",
    "compare_rankings",
    "compare_samples",
    "evaluate_amounts",
    "evaluate_rankings",
    "evaluate_samples",
    "group_rankings",
    "group_samples",
    "leaks",
    "usual_groups",
]
# The names by their modules, which are loaded when a name is first used: claims alone need none of SciPy.
_NAMES = {
    "amounts": "compare_amounts evaluate_amounts",
    "groups": "group_rankings group_samples usual_groups",
    "leakage": "Finding leaks",
    "rankings": "compare_rankings evaluate_rankings",
    "samples": "calibration compare_samples evaluate_samples",
    "scores": "Difference Estimate Scores",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """A name, from its module."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"assay.evaluation.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
