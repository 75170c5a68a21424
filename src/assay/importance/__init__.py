"""What each training sample is worth: valuers, one family a file, and what follows from their values."""

from assay.importance.influence import Influence, group_influence, influence
from assay.importance.neighbours import knn_banzhaf, knn_shapley, threshold_knn_shapley
from assay.importance.predicted import Loss, Probability
from assay.importance.protocol import Importance, Valuer

__all__ = [
    "Importance",
    "Influence",
    "Loss",
    "Probability",
    "Valuer",
    "group_influence",
    "influence",
    "knn_banzhaf",
    "knn_shapley",
    "threshold_knn_shapley",
]
