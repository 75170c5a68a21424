"""Ridge regression: continuous labels from the encoder's columns."""

from assay.models.linear import LinearModel
from assay.numerics.families import IDENTITY


class Ridge(LinearModel):
    """Continuous labels, and half the squared error; one Newton step is exact. See LinearModel."""

    name = "ridge"
    family = IDENTITY
