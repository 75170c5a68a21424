"""Judgements of OpenSearch's Search Relevance Workbench: the JSON body that imports them.

{"type": "IMPORT_JUDGMENT", "judgmentRatings": [{"query": ..., "ratings": [{"docId": ..., "rating": "3"}]}]}

Source: "Importing judgments", https://docs.opensearch.org/latest/search-plugins/search-relevance/judgments/. Ratings are text
there; numbers are read too.
"""

from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, Field

from assay.benchmark.judged.pairs import by_query, table_of
from assay.runs.store import write_json


class _Rating(BaseModel):
    docId: str | int  # noqa: N815 (the format's name)
    rating: float = Field(allow_inf_nan=False)


class _Query(BaseModel):
    query: str
    ratings: list[_Rating]


class Judgments(BaseModel):
    """The body of the request that imports judgements."""

    judgmentRatings: list[_Query]  # noqa: N815

    def table(self) -> pa.Table:
        """PAIRS."""
        return table_of((q.query, str(r.docId), r.rating) for q in self.judgmentRatings for r in q.ratings)


def write(table: pa.Table, path: Path) -> list[Path]:
    """Write PAIRS; return the file."""
    ratings = [
        {"query": query, "ratings": [{"docId": item, "rating": str(grade)} for item, grade in items]}
        for query, items in by_query(table).items()
    ]
    about = {"name": path.stem, "description": "Judgements from clicks", "type": "IMPORT_JUDGMENT"}
    write_json(path, about | {"judgmentRatings": ratings})
    return [path]
