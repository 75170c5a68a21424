"""What each training sample is worth: valuers, one family a file, and what follows from their values."""

from assay.importance.influence import Influence, group_influence, influence, refine
from assay.importance.linear_autoencoder import ease_importance
from assay.importance.neighbours import knn_banzhaf, knn_shapley, threshold_knn_shapley
from assay.importance.out_of_bag import data_oob
from assay.importance.predicted import Loss, Probability, loss, margin, popularity, random, recency, self_score
from assay.importance.protocol import Importance, Valuer
from assay.importance.semivalues import semivalue
from assay.importance.sessions import SessionValues, session_shapley
from assay.importance.subsampling import inclusion_probabilities
from assay.importance.values import Values

__all__ = [
    "Importance",
    "Influence",
    "Loss",
    "Probability",
    "SessionValues",
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
]
