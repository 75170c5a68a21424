"""Logistic regression: the chance of a positive from the encoder's columns."""

from assay.models.linear import LinearModel
from assay.numerics.families import LOGIT


class LogisticRegression(LinearModel):
    """Labels of 0 and 1, and log-loss; see LinearModel."""

    name = "logistic"
    family = LOGIT
