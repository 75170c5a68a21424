"""The task: what a label is and what follows from it, and how people are told of it. No other module says these."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError, SplitError
from assay.language import english
from assay.numerics.measures import row_log_loss

_PERIODS = {1: english("day"), 7: english("week")}
# By the kind of target event: what a user did with an item, and what that is called: of the user and of the item.
DEEDS = {
    "purchase": ("bought", "purchase", "sale"),
    "view": ("viewed", "view", "view"),
    "cart": ("put in the cart", "cart", "cart"),
    "review": ("reviewed", "review", "review"),
    "return": ("brought back", "return", "return"),
    "search": ("searched for", "search", "search"),
    "exposure": ("shown", "showing", "showing"),
    "like": ("liked", "like", "like"),
    "share": ("shared", "share", "share"),
    "favourite": ("made a favourite", "favourite", "favourite"),
    "fav": ("made a favourite", "favourite", "favourite"),
    "follow": ("followed", "follow", "follow"),
    "dwell": ("dwelt on", "dwell", "dwell"),
    "skip": ("skipped", "skip", "skip"),
}
DEEDS_OF_SEARCH = {"view": ("clicked", "click", "click")}  # where they differ


@dataclass(frozen=True)
class LabelType:
    """A kind of label.

    name: of three: "binary", "graded" (0 or 1 to what is learnt of single samples, grades to rankings), "continuous". loss: the
    measure that models minimise and that values are made in. link: of a linear model's margin and what it predicts. ranked: the
    measure that decides where requests are ranked. claims: the measures on which claims are made; `loss` and `ranked` are among
    them, and all are measured whatever else is shown.
    """

    name: str
    loss: str
    link: str
    ranked: str
    claims: tuple[str, ...]

    @property
    def is_chance(self) -> bool:
        """Whether what models predict is the chance of a positive."""
        return self.link == "logit"

    @property
    def has_amounts(self) -> bool:
        """Whether samples have amounts besides 0 and 1: grades, or continuous labels."""
        return self.name != "binary"

    @property
    def linear(self) -> str:
        """What people call the linear model that changes are tried on."""
        return english("logistic regression") if self.is_chance else english("ridge regression")

    @property
    def unit(self) -> str:
        """What people call the unit of a value in the loss: "nats", or that of the labels."""
        units = {"log_loss": english("nats"), "mse": english("squared units of the label")}
        return units.get(self.loss, english("units of the label"))

    def losses(self, predicted: NDArray[np.float64], response: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) loss of each row, of which `loss` is the mean: what was predicted for it, and its response (Samples.response)."""
        if self.is_chance:
            return row_log_loss(response > 0, predicted)
        error = predicted - response
        return np.asarray(error**2 if self.loss == SQUARED.loss else np.abs(error))

    def demand_chances(self, who: str) -> None:
        """InputError where labels are continuous; who: needs labels of 0 and 1."""
        if not self.is_chance:
            raise InputError(f"{who} needs labels of 0 and 1, and these are amounts; leave it out")

    def serves(self, labels: ArrayLike) -> bool:
        """Whether anything can be learnt or measured from labels (n,): there are some, and they are not all alike."""
        values = np.asarray(labels)
        return bool(len(values)) and not bool((values == values[0]).all())

    def check(self, labels: ArrayLike, where: str, advice: str) -> None:
        """SplitError when labels (n,) do not serve.

        where: what has these rows, "the test split". advice: what to change.
        """
        if self.serves(labels):
            return
        values = np.asarray(labels)
        if not len(values):
            raise SplitError(f"{where} has no rows; {advice}")
        if not self.is_chance:
            raise SplitError(f"every label is {values[0]:g}, in all {len(values):,} rows of {where}; {advice}")
        kind = "positive" if values[0] else "negative"
        raise SplitError(f"every label is {int(values[0])}: all {len(values):,} rows of {where} are {kind}; {advice}")


_RANKED = "ndcg@10"
_OF_CHANCES = ("auc", "log_loss", _RANKED)
BINARY = LabelType("binary", loss="log_loss", link="logit", ranked=_RANKED, claims=_OF_CHANCES)
GRADED = LabelType("graded", loss="log_loss", link="logit", ranked=_RANKED, claims=_OF_CHANCES)
SQUARED = LabelType("continuous", loss="mse", link="identity", ranked=_RANKED, claims=("mse", "spearman", _RANKED))
ABSOLUTE = LabelType("continuous", loss="mae", link="identity", ranked=_RANKED, claims=("mae", "spearman", _RANKED))
_CONTINUOUS = {"squared": SQUARED, "absolute": ABSOLUTE}


def label_type(labels: str, loss: str) -> LabelType:
    """The kind of labels of a name, as LabelType.name has it; loss: "squared" or "absolute", of continuous ones."""
    return {"binary": BINARY, "graded": GRADED}.get(labels) or _CONTINUOUS[loss]


def of_measures(measures: Iterable[str]) -> LabelType:
    """The kind of labels that some measures are of, told by the loss among them; binary where there is none."""
    names = set(measures)
    return next((kind for kind in (BINARY, SQUARED, ABSOLUTE) if kind.loss in names), BINARY)


class TargetSection(Protocol):
    """The keys of the config's [samples] that say what the task is."""

    @property
    def target(self) -> str:
        """The kind of event that makes a positive."""
        ...

    @property
    def period_days(self) -> int:
        """Length of a period."""
        ...

    @property
    def request(self) -> str:
        """What is ranked for: "user" or "query"."""
        ...

    @property
    def labels(self) -> str:
        """The name of the kind of labels, as LabelType.name has it."""
        ...

    @property
    def loss(self) -> str:
        """Of continuous labels: "squared" or "absolute"."""
        ...


@dataclass(frozen=True)
class Task:
    """What is learnt, and its words.

    target: the kind of event that makes a positive; "" where labels came in a table of one's own. of_searches: requests are
    searches. user: what a user is called. deed: what the target is called in place of our words: ("liked", "like").
    """

    target: str = "purchase"
    period_days: int = 7
    of_searches: bool = False
    user: str = "user"
    deed: tuple[str, str] | None = None
    label: LabelType = BINARY

    @classmethod
    def of(cls, section: TargetSection, *, own_labels: str | None = None, deed: tuple[str, str] | None = None) -> "Task":
        """The task of a config's [samples]; own_labels: the kind of those of a table of one's own. deed: as [show] has it."""
        target = section.target if own_labels is None else ""
        kind = label_type(own_labels or section.labels, section.loss)
        return cls(target, section.period_days, section.request == "query", deed=deed, label=kind)

    @property
    def _deed(self) -> tuple[str, str, str]:
        if self.deed is not None:
            return (*self.deed, self.deed[1])
        deeds = DEEDS | DEEDS_OF_SEARCH if self.of_searches else DEEDS
        return deeds.get(self.target, ("positive", "positive", "positive"))

    @property
    def taken(self) -> str:
        """What a user did with an item, where the label is positive: "bought"."""
        return self._deed[0]

    @property
    def positive(self) -> str:
        """What one such event of a user is called: "purchase"."""
        return self._deed[1]

    @property
    def sale(self) -> str:
        """What one such event of an item is called: "sale"."""
        return self._deed[2]

    @property
    def sales(self) -> str:
        """What several such events of an item are called."""
        return f"{self.sale}s"

    @property
    def users(self) -> str:
        """What several users are called."""
        return f"{self.user}s"

    @property
    def length(self) -> str:
        """How long a period is: "week", "day", "2 weeks", "3 days"."""
        days = self.period_days
        if days in _PERIODS:
            return _PERIODS[days]
        return english("{number} days", number=days) if days % 7 else english("{number} weeks", number=days // 7)

    @property
    def period(self) -> str:
        """What a period is called: "week", "day", "period of 2 weeks"."""
        return self.length if self.period_days in _PERIODS else english("period of {length}", length=self.length)

    @property
    def periods(self) -> str:
        """What several periods are called: "weeks", "days", "periods of 2 weeks"."""
        return f"{self.length}s" if self.period_days in _PERIODS else english("periods of {length}", length=self.length)

    def some(self, count: int) -> str:
        """So many periods: "1 week", "4 weeks"."""
        return english("{number} {periods}", number=f"{count:,}", periods=self.period if count == 1 else self.periods)

    def last(self, count: int) -> str:
        """The last so many periods: "the last week", "the last 4 weeks"."""
        return english("the last {periods}", periods=self.period if count == 1 else self.some(count))
