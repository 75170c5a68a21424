"""Parts that several pages have."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field

from assay.language import english
from assay.runs.pages import Part

OTHER = english("other")  # the level of an attribute that stands for all rare ones


class Estimate(Part):
    """A measure in its own unit, with the ends of its 95 % interval; null where it cannot be said."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def each(cls, figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Self]:
        """One per measure, of what evaluation says of it: value, low, high and so on."""
        return {measure: cls.model_validate(one) for measure, one in figures.items()}

    def times(self, factor: float) -> Self:
        """The estimate in another unit."""
        ends = {name: None if end is None else end * factor for name, end in self.ends().items()}
        return self.model_copy(update=ends)

    def ends(self) -> dict[str, float | None]:
        """value, low and high, by name."""
        return {"value": self.value, "low": self.low, "high": self.high}


class Change(Estimate):
    """A difference of a measure: the changed thing minus what it is compared with. p: of no difference, in [0, 1].

    needs: how many requests a verdict on the change would take; null where there are enough.
    """

    p: float | None = None
    needs: float | None = None

    def judged_by(self) -> dict[str, float | None]:
        """What a verdict is made of: the ends of the interval, and whether the requests are enough."""
        return self.ends() | {"needs": self.needs}


class Effect(Change):
    """A difference with all that is known of it.

    effect: the mean over the standard deviation of users' own differences. p_holm: p, adjusted for all measures.
    """

    effect: float | None = None
    p_holm: float | None = None


class Tested(Part):
    """What was measured on the test set, by measure.

    parts: measures of rankings of what a request takes again ("repeat"), and of what is new to its user ("new").
    """

    test: dict[str, Estimate]
    parts: dict[str, dict[str, Estimate]] = Field(default_factory=dict)


class LeftOut(Part):
    """Why something was not done, in a sentence; null where it was."""

    why_not: str | None = None


Ident = str | int | float | None  # of a user or an item, as it came; null in a table without one
