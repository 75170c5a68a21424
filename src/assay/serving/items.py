"""Items of a run as people meet them: by their ids as text, with name, price and whether they are on sale."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import InputError, NotThereError
from assay.findings.labels import Wording
from assay.finished import Finished
from assay.language import english
from assay.pages.answers import RecommendedItem
from assay.pages.serving import AboutItem
from assay.search.searcher import MARKET

_SHOWN = 80  # characters of an id in an error


class Items:
    """The items of a run, read once: `run.at_hand(Items)`. InputError: a table of labelled samples has none.

    A row's place is the item's code.
    """

    def __init__(self, run: Finished) -> None:
        if run.log is None:
            raise InputError(english("a table of labelled samples has no items to show; serve a run from a log"))
        self._run, self._log = run, run.log
        self.table = run.log.items
        self.wording = Wording.of(run, run.config)

    @cached_property
    def ids(self) -> list[object]:
        """Ids as the log holds them, by code."""
        ids: list[object] = self.table.column("item_id").to_pylist()
        return ids

    @cached_property
    def _codes(self) -> dict[str, int]:
        codes = {str(ident): code for code, ident in enumerate(self.ids)}
        if self.wording.hash_ids:
            codes |= {self.wording.ident(ident): code for code, ident in enumerate(self.ids)}
        return codes

    def knows(self, item_id: str) -> bool:
        """Whether the log has an item of this id, the log's own or the shown one."""
        return item_id in self._codes

    def code(self, item_id: str) -> int:
        """Code of an item by its id as text, the log's own or the shown one. NotThereError: the log has no such item."""
        if item_id not in self._codes:
            raise NotThereError(
                english("the log has no item {name}; give an item's id as the log has it", name=repr(item_id[:_SHOWN]))
            )
        return self._codes[item_id]

    def shown(self, code: int) -> object:
        """An item's id as it may be shown."""
        return self.wording.ident(self.ids[code]) if self.wording.hash_ids else self.ids[code]

    def text(self, column: str, code: int) -> str | None:
        """A text of an item; None where it is unknown or the log has no such column."""
        if column not in self.table.column_names:
            return None
        text: str | None = self.table.column(column)[code].as_py()
        return text

    @cached_property
    def categories(self) -> list[str]:
        """Categories in order of name."""
        names: list[str] = pc.unique(self.table.column("category").drop_null()).sort().to_pylist()
        return names

    def of_category(self, category: str | None) -> NDArray[np.bool_]:
        """(items,) which are of a category, all where None. NotThereError: no item is."""
        if category is None:
            return np.ones(len(self.table), bool)
        chosen = pc.fill_null(pc.equal(self.table.column("category"), category), False).to_numpy()
        if not chosen.any():
            raise NotThereError(
                english("no item is of the category {name}; give one as the items have it", name=repr(category[:_SHOWN]))
            )
        return np.asarray(chosen)

    @cached_property
    def _stock(self) -> NDArray[np.float64] | None:
        """(items,) pieces at hand, NaN unknown; None where the log has no stock."""
        if "stock" not in self.table.column_names or self.table.column("stock").null_count == len(self.table):
            return None
        return np.asarray(self.table.column("stock").to_numpy(), np.float64)

    def in_stock(self) -> NDArray[np.bool_]:
        """(items,) which are at hand, or not known to be out of stock. InputError: the log has no stock."""
        if self._stock is None:
            raise InputError('the log says nothing of stock; map it in the config: [log.items] columns = {stock = "your column"}')
        return ~(self._stock <= 0)

    @cached_property
    def _lately(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """(items,) whether each was on sale at the end of the log, and how many took it in the periods that say so."""
        section = self._run.config.samples
        past = self._log.history(section.target, section.period_days)
        period = past.next_period(section.period_days)
        market = next(past.markets(period, period + 1, section.available))
        on_sale = market.on_sale
        if self._run.exists(MARKET):
            on_sale = self._run.read_table(MARKET).column("on_sale").to_numpy(zero_copy_only=False)
        return on_sale, np.bincount(market.popular, minlength=len(self.table)).astype(np.int64)

    @property
    def on_sale(self) -> NDArray[np.bool_]:
        """(items,) taken or shown in the last [samples] available periods: what lists are made of."""
        return self._lately[0]

    @property
    def taken_lately(self) -> NDArray[np.int64]:
        """(items,) how often users took each in those periods, once in a period."""
        return self._lately[1]

    @cached_property
    def _price(self) -> NDArray[np.int64]:
        """(items,) the last price of each in minor units; -1: unknown."""
        events = self._log.events("item_code", "price")
        priced = events.filter(pc.and_(pc.is_valid(events.column("price")), pc.is_valid(events.column("item_code"))))
        price = np.full(len(self.table), -1, np.int64)
        price[priced.column("item_code").to_numpy()] = priced.column("price").to_numpy()  # in order of time: the last stays
        return price

    def price(self, code: int) -> float | None:
        """The last price of an item, in minor units of the currency; None: unknown."""
        price = int(self._price[code])
        return None if price < 0 else float(price)

    def about(self, code: int) -> AboutItem:
        """What is known of an item."""
        price = self.price(code)
        return AboutItem(
            item_id=self.shown(code),
            name=self.text("name", code),
            department=self.text("department", code),
            category=self.text("category", code),
            brand=self.text("brand", code),
            price=None if price is None else price / 10**self.wording.minor_units,
            price_shown=None if price is None else self.wording.money(price),
            image=self.text("image", code),
            on_sale=bool(self.on_sale[code]),
            in_stock=None if self._stock is None or np.isnan(self._stock[code]) else bool(self._stock[code] > 0),
            taken_lately=int(self.taken_lately[code]),
        )

    def listed(self, codes: Sequence[int], scores: Sequence[float], reasons: Sequence[str | None]) -> list[RecommendedItem]:
        """Lines of a list, best first, under the ids that may be shown."""
        return [
            RecommendedItem(
                rank=place + 1,
                item_id=self.shown(code),
                name=self.text("name", code),
                score=float(score),
                category=self.text("category", code),
                reason=reason,
            )
            for place, (code, score, reason) in enumerate(zip(codes, scores, reasons, strict=True))
        ]

    def warm(self) -> None:
        """Read what cards show."""
        if len(self.table):
            self.about(0)
        assert isinstance(self._codes, dict)


def called(run: Finished) -> dict[str, str]:
    """Names of a run's items by their ids as text; of those that have one."""
    if run.items is None:
        return {}
    lines = zip(run.items.column("item_id").to_pylist(), run.items.column("name").to_pylist(), strict=True)
    return {str(ident): name for ident, name in lines if name}
