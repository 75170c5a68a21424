"""What a source of candidates is."""

from typing import Protocol

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores
from assay.samples.candidates.moment import Moment


class Source(Protocol):
    """One way to find items for users at a moment. It is asked for periods in rising order.

    repeats: whether it may list what the user took before; the others tell what is new to the user.
    """

    name: str
    repeats: bool

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """Scores of items for users (m,), by what happened before the moment; what has none above 0 is not listed."""
        ...
