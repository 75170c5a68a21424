"""Assay: what each logged training sample is worth to a model, proved by retraining on later data.

The public names, each loaded when it is first used; `docs/python.md` shows them at work.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.app.notebook import Run as Run
    from assay.app.notebook import open as open
    from assay.app.notebook import run as run
    from assay.benchmark import Benchmark as Benchmark
    from assay.benchmark import Evidence as Evidence
    from assay.benchmark import Scoreboard as Scoreboard
    from assay.benchmark import audit as audit
    from assay.benchmark import build as build
    from assay.benchmark import choose_measures as choose_measures
    from assay.benchmark import compact as compact
    from assay.benchmark import compare as compare
    from assay.benchmark import compare_groups as compare_groups
    from assay.benchmark import detectable_difference as detectable_difference
    from assay.benchmark import estimate as estimate
    from assay.benchmark import freeze as freeze
    from assay.benchmark import from_tables as from_tables
    from assay.benchmark import from_trec as from_trec
    from assay.benchmark import leader_board as leader_board
    from assay.benchmark import open_kept as open_kept
    from assay.benchmark import plan_difference as plan_difference
    from assay.benchmark import plan_mean as plan_mean
    from assay.benchmark import policy_value as policy_value
    from assay.benchmark import represent as represent
    from assay.benchmark import shrink as shrink
    from assay.benchmark import status as status
    from assay.benchmark.judged.clicks import judgements as judgements
    from assay.benchmark.judged.clicks import read_judgements as read_judgements
    from assay.config import Config as Config
    from assay.errors import AssayError as AssayError
    from assay.errors import InputError as InputError
    from assay.evaluation import calibration as calibration
    from assay.evaluation import compare_amounts as compare_amounts
    from assay.evaluation import compare_rankings as compare_rankings
    from assay.evaluation import compare_samples as compare_samples
    from assay.evaluation import evaluate_amounts as evaluate_amounts
    from assay.evaluation import evaluate_rankings as evaluate_rankings
    from assay.evaluation import evaluate_samples as evaluate_samples
    from assay.importance import Importance as Importance
    from assay.importance import InRunShapley as InRunShapley
    from assay.importance import TrainingDynamics as TrainingDynamics
    from assay.importance import Values as Values
    from assay.importance import data_oob as data_oob
    from assay.importance import ease_importance as ease_importance
    from assay.importance import group_influence as group_influence
    from assay.importance import inclusion_probabilities as inclusion_probabilities
    from assay.importance import knn_banzhaf as knn_banzhaf
    from assay.importance import knn_shapley as knn_shapley
    from assay.importance import knn_shapley_regression as knn_shapley_regression
    from assay.importance import loss as loss
    from assay.importance import margin as margin
    from assay.importance import popularity as popularity
    from assay.importance import random as random
    from assay.importance import recency as recency
    from assay.importance import refine as refine
    from assay.importance import ridge_influence as ridge_influence
    from assay.importance import self_score as self_score
    from assay.importance import semivalue as semivalue
    from assay.importance import session_shapley as session_shapley
    from assay.importance import threshold_knn_shapley as threshold_knn_shapley
    from assay.importance import tracin as tracin
    from assay.importance import trak as trak
    from assay.importance.influence import influence as influence
    from assay.selection.weights import drop_fraction as drop_fraction
    from assay.selection.weights import drop_harmful as drop_harmful

__version__ = "0.1.0"
# The same names by the modules that hold them; a test compares the two lists.
_NAMES = {
    "app.notebook": "Run open run",
    "benchmark": (
        "Benchmark Evidence Scoreboard audit build choose_measures compact compare compare_groups detectable_difference estimate"
        " freeze from_tables from_trec leader_board open_kept plan_difference plan_mean policy_value represent shrink status"
    ),
    "benchmark.judged.clicks": "judgements read_judgements",
    "config": "Config",
    "errors": "AssayError InputError",
    "evaluation": (
        "calibration compare_amounts compare_rankings compare_samples evaluate_amounts evaluate_rankings evaluate_samples"
    ),
    "importance": (
        "Importance InRunShapley TrainingDynamics Values data_oob ease_importance group_influence inclusion_probabilities"
        " influence knn_banzhaf knn_shapley knn_shapley_regression loss margin popularity random recency refine ridge_influence"
        " self_score semivalue session_shapley threshold_knn_shapley tracin trak"
    ),
    "selection.weights": "drop_fraction drop_harmful",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted([*_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    """A public name, from the module that holds it. InputError with the pip line: it needs an extra that is not installed."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
