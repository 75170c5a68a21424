"""Which events of a log are takings, and how much each counts: by kind, by a condition, by grades, or by an amount."""

from collections.abc import Mapping
from contextlib import closing
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay import engines
from assay.engines.engine import EngineError
from assay.errors import ConfigError
from assay.logs.clean_log import CleanLog
from assay.logs.history import Counted
from assay.tables import EVENTS

Amounts = NDArray[np.float64]


class TakingsSection(Protocol):
    """The keys of the config's [samples] that say what a taking is."""

    @property
    def target(self) -> str: ...  # noqa: D102
    @property
    def positive(self) -> str | None: ...  # noqa: D102
    @property
    def grades(self) -> Mapping[str, float] | str | None: ...  # noqa: D102
    @property
    def amount(self) -> str | None: ...  # noqa: D102


def counted(log: CleanLog, section: TakingsSection) -> Counted | None:
    """How much each event counts as a taking; None where each of the target's counts once.

    Expressions see the columns of tables.EVENTS, the price in whole currency. ConfigError: one cannot be computed.
    """
    if section.positive is None and section.grades is None and section.amount is None:
        return None
    kinds = log.events("event").column(0)
    if isinstance(section.grades, Mapping):
        value = np.full(len(kinds), np.nan)
        for kind, grade in section.grades.items():
            value[pc.equal(kinds, kind).to_numpy(zero_copy_only=False)] = grade
    else:
        value = np.where(pc.equal(kinds, section.target).to_numpy(zero_copy_only=False), 1.0, np.nan)
        for key, expression in (("grades", section.grades), ("amount", section.amount)):
            if expression is not None:
                value = value * _computed(log, expression, key, "DOUBLE")
    if section.positive is not None:
        value = np.where(_computed(log, section.positive, "positive", "BOOLEAN") == 1.0, value, np.nan)
    return Counted(value, "sum" if section.amount is not None else "once" if section.grades is None else "highest")


def taken(log: CleanLog, section: TakingsSection) -> NDArray[np.bool_]:
    """(n,) which events are takings of an item: such of the target, or those that count more than 0."""
    events, by_amount = log.events("event", "item_id"), counted(log, section)
    of_items = pc.is_valid(events.column("item_id")).to_numpy(zero_copy_only=False)
    if by_amount is None:
        return np.asarray(pc.equal(events.column("event"), section.target).to_numpy(zero_copy_only=False) & of_items)
    return np.asarray((by_amount.value > 0) & of_items)


def _computed(log: CleanLog, expression: str, key: str, kind: str) -> Amounts:
    """(n,) an SQL expression on each event, NaN where it is null or infinite."""
    columns = [name for name in EVENTS if name in log.events().column_names]
    events = log.events(*columns)
    if "price" in columns:
        whole = pc.divide(pc.cast(events.column("price"), pa.float64()), float(10**log.minor_units))
        events = events.set_column(events.column_names.index("price"), "price", whole)
    with closing(engines.over_files([], log.time_zone)) as engine:
        try:
            column = engine.each(events, expression, kind)
        except EngineError as error:
            said = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"[samples] {key}: {expression!r} cannot be computed ({said}); write an SQL expression on the columns of events: "
                f"{', '.join(columns)}"
            ) from None
    values = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(values), values, np.nan)
