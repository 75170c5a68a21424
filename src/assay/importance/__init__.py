"""What each training sample is worth: valuers, one family per file, and what follows from their values."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from assay import registry
from assay.importance.influence import Influence, group_influence, influence, refine  # now: its module has the same name

if TYPE_CHECKING:
    from assay.importance.linear_autoencoder import ease_importance
    from assay.importance.neighbour_regression import knn_shapley_regression
    from assay.importance.neighbours import knn_banzhaf, knn_shapley, threshold_knn_shapley
    from assay.importance.out_of_bag import data_oob
    from assay.importance.predicted import Loss, Probability, loss, margin, popularity, random, recency, self_score
    from assay.importance.ridge import ridge_influence
    from assay.importance.semivalues import semivalue
    from assay.importance.sessions import SessionValues, session_shapley
    from assay.importance.subsampling import inclusion_probabilities
    from assay.importance.valuer import Importance, Valuer
    from assay.importance.values import Values

__all__ = [
    "Importance",
    "InRunShapley",
    "Influence",
    "Loss",
    "Probability",
    "SessionValues",
    "TrainingDynamics",
    "Valuer",
    "Values",
    "data_oob",
    "ease_importance",
    "group_influence",
    "inclusion_probabilities",
    "influence",
    "knn_banzhaf",
    "knn_shapley",
    "knn_shapley_regression",
    "loss",
    "margin",
    "popularity",
    "random",
    "recency",
    "refine",
    "ridge_influence",
    "self_score",
    "semivalue",
    "session_shapley",
    "threshold_knn_shapley",
    "tracin",
    "trak",
]
# Modules of the other names, which are loaded when a name is first used: nobody needs all that they need.
_NAMES = {
    "linear_autoencoder": "ease_importance",
    "neighbour_regression": "knn_shapley_regression",
    "neighbours": "knn_banzhaf knn_shapley threshold_knn_shapley",
    "out_of_bag": "data_oob",
    "predicted": "Loss Probability loss margin popularity random recency self_score",
    "ridge": "ridge_influence",
    "semivalues": "semivalue",
    "sessions": "SessionValues session_shapley",
    "subsampling": "inclusion_probabilities",
    "valuer": "Importance Valuer",
    "values": "Values",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}
# Modules of the names that need PyTorch.
_OF_EXTRA = {
    "InRunShapley": "in_run_shapley",
    "TrainingDynamics": "training_dynamics",
    "tracin": "gradients",
    "trak": "projected",
}


def __getattr__(name: str) -> Any:
    """A name, from its module. InputError with the pip line: it needs the extra `deep`, which is not installed."""
    if name in _MODULES:
        value = getattr(import_module(f"assay.importance.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
    if name not in _OF_EXTRA:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(registry.of_extra(f"assay.importance.{_OF_EXTRA[name]}", "deep", name), name)
