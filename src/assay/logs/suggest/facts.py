"""What all rows of a log say, read as a config would read them."""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from assay import config
from assay.logs import canonical, sources
from assay.logs.schedule import ends
from assay.logs.suggest.look import Look
from assay.tables import EVENT_KINDS


@dataclass
class Facts:
    """kinds: rows of each kind of event, as they would be stored. first_day, last_day: of the times, as `schedule` takes them."""

    rows: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    without: Counter[str] = field(default_factory=Counter)  # rows without a user, an item or a time
    first_day: int | None = None
    last_day: int | None = None

    @property
    def known_kinds(self) -> set[str]:
        """The kinds that are ours."""
        return {kind for kind in self.kinds if kind in EVENT_KINDS}

    @property
    def unknown_kinds(self) -> dict[str, float]:
        """The others, with their shares of all rows, most frequent first."""
        return {kind: number / self.rows for kind, number in self.kinds.most_common() if kind not in EVENT_KINDS}


def facts(section: config.Events) -> Facts:
    """What the rows of a section say. Raises what collecting them would."""
    result = Facts()
    days: list[int] = []
    for source in sources.open_sources(section):
        for batch in canonical.events(source, section):
            result.rows += batch.num_rows
            for pair in pc.value_counts(pc.fill_null(batch.column("event"), "")).to_pylist():
                result.kinds[pair["values"]] += pair["counts"]
            for name in ("user_id", "item_id", "timestamp"):
                missing = batch.column(name).null_count
                if name == "item_id":
                    searches = pc.fill_null(pc.equal(batch.column("event"), "search"), False)
                    missing = pc.sum(pc.and_not(pc.is_null(batch.column(name)), searches)).as_py() or 0
                result.without[name] += missing
            if (both := ends(batch.column("timestamp"))) is not None:
                days += both
    if days:
        result.first_day, result.last_day = min(days), max(days)
    return result


def distinct(look: Look, column: str, most: int = 1_000_000) -> list[str]:
    """The different values of a column in all rows, as text; the first so many of them."""
    seen = pa.array([], pa.string())
    for source in look.sources():
        for batch in source.read([column]):
            here = pc.unique(_text(batch.column(0)))
            seen = pc.unique(pa.chunked_array([seen, here]))
            if len(seen) > most:
                return [str(value) for value in seen.to_pylist() if value is not None]
    return [str(value) for value in seen.to_pylist() if value is not None]


def _text(column: pa.Array) -> pa.Array:
    """A column as text, whatever it holds."""
    try:
        return pc.cast(column, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else repr(value) for value in column.to_pylist()], pa.string())
