"""What each training sample is worth: valuers, one family a file, and what follows from their values."""

from typing import Any

from assay import registry
from assay.importance.influence import Influence, group_influence, influence, refine
from assay.importance.linear_autoencoder import ease_importance
from assay.importance.neighbours import knn_banzhaf, knn_shapley, threshold_knn_shapley
from assay.importance.out_of_bag import data_oob
from assay.importance.predicted import Loss, Probability, loss, margin, popularity, random, recency, self_score
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
    "loss",
    "margin",
    "popularity",
    "random",
    "recency",
    "refine",
    "self_score",
    "semivalue",
    "session_shapley",
    "threshold_knn_shapley",
    "tracin",
    "trak",
]
# Modules of the names that need PyTorch, which are loaded when they are asked for.
_OF_EXTRA = {
    "InRunShapley": "in_run_shapley",
    "TrainingDynamics": "training_dynamics",
    "tracin": "gradients",
    "trak": "projected",
}


def __getattr__(name: str) -> Any:
    """A name that needs the extra `deep`; InputError with the pip line where it is missing."""
    if name not in _OF_EXTRA:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(registry.of_extra(f"assay.importance.{_OF_EXTRA[name]}", "deep", name), name)
