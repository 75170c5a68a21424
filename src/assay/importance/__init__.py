"""What each training sample is worth: valuers, one family a file, and what follows from their values."""

from assay.importance.influence import Influence, group_influence, influence, refine
from assay.importance.neighbours import knn_banzhaf, knn_shapley, threshold_knn_shapley
from assay.importance.predicted import Loss, Probability
from assay.importance.protocol import Importance, Valuer
from assay.importance.sessions import SessionValues, session_shapley

__all__ = [
    "Importance",
    "Influence",
    "Loss",
    "Probability",
    "SessionValues",
    "Valuer",
    "group_influence",
    "influence",
    "knn_banzhaf",
    "knn_shapley",
    "refine",
    "session_shapley",
    "threshold_knn_shapley",
]
