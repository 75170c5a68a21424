"""The task: what a label is and what follows from it, and how people are told of it. No other module says these."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import SplitError

_PERIODS = {1: "day", 7: "week"}
# By the kind of target event: what a user did with an item, and what that is called: of the user and of the item.
_DEEDS = {
    "purchase": ("bought", "purchase", "sale"),
    "view": ("viewed", "view", "view"),
    "cart": ("put in the cart", "cart", "cart"),
    "review": ("reviewed", "review", "review"),
    "return": ("brought back", "return", "return"),
    "search": ("searched for", "search", "search"),
    "exposure": ("shown", "showing", "showing"),
}
_DEEDS_OF_SEARCH = {"view": ("clicked", "click", "click")}  # where they differ


@dataclass(frozen=True)
class LabelType:
    """A kind of label.

    loss: the measure that models minimise and that values are made in. link: of a linear model's margin and what it predicts.
    ranked: the measure that decides where requests are ranked. claims: the measures on which claims are made; `loss` and
    `ranked` are among them, and all are measured whatever else is shown.
    """

    name: str
    loss: str
    link: str
    ranked: str
    claims: tuple[str, ...]

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
        kind = "positive" if values[0] else "negative"
        raise SplitError(f"every label is {int(values[0])}: all {len(values):,} rows of {where} are {kind}; {advice}")


BINARY = LabelType("binary", loss="log_loss", link="logit", ranked="ndcg@10", claims=("auc", "log_loss", "ndcg@10"))


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
    def of(cls, section: TargetSection, *, own_table: bool = False, deed: tuple[str, str] | None = None) -> "Task":
        """The task of a config's [samples]; own_table: labels came in a table of one's own. deed: as [show] has it."""
        return cls("" if own_table else section.target, section.period_days, section.request == "query", deed=deed)

    @property
    def _deed(self) -> tuple[str, str, str]:
        if self.deed is not None:
            return (*self.deed, self.deed[1])
        deeds = _DEEDS | _DEEDS_OF_SEARCH if self.of_searches else _DEEDS
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
        return _PERIODS.get(days) or (f"{days} days" if days % 7 else f"{days // 7} weeks")

    @property
    def period(self) -> str:
        """What a period is called: "week", "day", "period of 2 weeks"."""
        return self.length if self.period_days in _PERIODS else f"period of {self.length}"

    @property
    def periods(self) -> str:
        """What several periods are called: "weeks", "days", "periods of 2 weeks"."""
        return f"{self.length}s" if self.period_days in _PERIODS else f"periods of {self.length}"

    def some(self, count: int) -> str:
        """So many periods: "1 week", "4 weeks"."""
        return f"{count:,} {self.period if count == 1 else self.periods}"

    def last(self, count: int) -> str:
        """The last so many periods: "the last week", "the last 4 weeks"."""
        return f"the last {self.period}" if count == 1 else f"the last {self.some(count)}"
