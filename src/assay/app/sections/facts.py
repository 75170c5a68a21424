"""A run's artefacts as the sections of the report read them."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.app import words
from assay.finished import Finished

Part = dict[str, Any]


class Facts:
    """A run's artefacts, and ids as they may be shown."""

    def __init__(self, run: Finished, *, hash_ids: bool = False) -> None:
        self.run, self.hash_ids = run, hash_ids
        self.summary: Mapping[str, Any] = self.json("summary.json") or {}

    def json(self, name: str) -> Any:
        """Content of a JSON artefact; None when it is not there."""
        return self.run.read_json(name) if self.run.exists(name) else None

    def shown(self, ident: object) -> str:
        """An id as it may be shown: itself, or 12 hexadecimal digits of its SHA-256."""
        text = str(ident)
        return hashlib.sha256(text.encode()).hexdigest()[:12] if self.hash_ids else text

    def item_names(self, ids: Iterable[object]) -> dict[str, str]:
        """Readable names of those items that have one, by the text of their id."""
        if not self.run.exists("clean/items.parquet"):
            return {}
        items = self.run.read_table("clean/items.parquet", ["item_id", "name"])
        wanted = pa.array(sorted({str(i) for i in ids}), pa.string())
        text = pc.cast(items.column("item_id"), pa.string())
        found = items.set_column(0, "item_id", text).filter(pc.is_in(text, wanted)).to_pylist()
        return {row["item_id"]: row["name"] for row in found if row["name"]}


def interval(entry: Mapping[str, Any] | None) -> tuple[Any, Any, Any]:
    """(value, low, high) of an estimate; None for what it does not have."""
    entry = entry or {}
    return entry.get("value"), entry.get("low"), entry.get("high")


def scaled(entry: Mapping[str, Any], factor: float) -> tuple[float, float | None, float | None]:
    """(value, low, high) times factor; the value NaN where it is not known."""
    value, low, high = (v * factor if words.known(v) else None for v in interval(entry))
    return value if value is not None else float("nan"), low, high


def tone(value: Any) -> str:
    """The colour of a value: `harmful` below 0, else `useful`."""
    return "harmful" if words.known(value) and value < 0 else "useful"
