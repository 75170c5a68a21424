"""Ratings of the Rated Ranking Evaluator (RRE): JSON of topics, groups of queries, and the gains of their relevant documents.

Source: rre-core's Engine.java and the archetypes' ratings_example.json, https://github.com/SeaseLtd/rated-ranking-evaluator.
Read are also gains that list their documents ({"3": [ids]}), levels that are left out, and documents of a query of its own, as
Quepid exports them (_rre_query.json.jbuilder, https://github.com/o19s/quepid).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, Field

from assay.benchmark.judged.pairs import by_query, table_of
from assay.errors import InputError
from assay.runs.store import write_json

_PLACEHOLDER = "$query"


class _Gain(BaseModel):
    gain: float = Field(allow_inf_nan=False)


class _Level(BaseModel):
    """A level of the file; one that is left out is the level above."""

    relevant_documents: dict[str, list[str | int] | _Gain] | None = None
    placeholders: dict[str, Any] | None = None
    topics: list["_Level"] | None = None
    query_groups: list["_Level"] | None = None
    queries: list["_Level"] | None = None

    def rated(self, placeholder: str) -> Iterator[tuple[str, str, float]]:
        """(query, item, gain) of all queries below."""
        for topic in _or_itself(self.topics, self):
            for group in _or_itself(topic.query_groups, topic):
                for query in _or_itself(group.queries, group):
                    documents = group.relevant_documents if query.relevant_documents is None else query.relevant_documents
                    text = (query.placeholders or {}).get(placeholder)
                    if text is None:
                        raise InputError(f"a query has no placeholder {placeholder!r}; name it in query_placeholder")
                    yield from ((str(text), item, gain) for item, gain in _gains(documents or {}))


def _or_itself(below: list[_Level] | None, level: _Level) -> list[_Level]:
    return [level] if below is None else below


class Ratings(_Level):
    """A file of ratings."""

    query_placeholder: str = _PLACEHOLDER

    def table(self) -> pa.Table:
        """PAIRS. InputError: a query is not where its placeholder should be."""
        return table_of(self.rated(self.query_placeholder))


def _gains(documents: dict[str, list[str | int] | _Gain]) -> Iterator[tuple[str, float]]:
    for key, value in documents.items():
        if isinstance(value, _Gain):
            yield key, value.gain
        else:
            try:
                gain = float(key)
            except ValueError:
                raise InputError(f"relevant documents are listed under {key!r}, which is no gain") from None
            yield from ((str(item), gain) for item in value)


def write(table: pa.Table, path: Path) -> list[Path]:
    """Write PAIRS; return the file. Its index, id_field and template are RRE's examples: put in your own."""
    groups = [
        {
            "name": query,
            "queries": [{"template": "only_q.json", "placeholders": {_PLACEHOLDER: query}}],
            "relevant_documents": {item: {"gain": grade} for item, grade in items},
        }
        for query, items in by_query(table).items()
    ]
    write_json(path, {"index": "core1", "id_field": "id", "topics": [{"description": path.stem, "query_groups": groups}]})
    return [path]
