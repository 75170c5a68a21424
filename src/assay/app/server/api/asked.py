"""What several endpoints are asked with, and how they refuse."""

from typing import Annotated, Any

from fastapi import Query

from assay.pages.serving import Refusal

ID = 500  # characters of an id
RunName = Annotated[
    str | None, Query(alias="run", max_length=200, description="A run's name, see /api/runs; default: the first.")
]
Number = Annotated[int, Query(alias="n", ge=1, le=100, description="How many items at most.")]
User = Annotated[str | None, Query(max_length=ID, description="A user's id as the log has it; default: nobody.")]
Visit = Annotated[
    str | None, Query(alias="session_id", max_length=200, description="The visit, kept with the list where events are kept.")
]
Benchmark = Annotated[
    str | None,
    Query(max_length=300, description="A kept benchmark's label; default: the first served, else the run's own test."),
]
Page = Annotated[int, Query(ge=1, le=1_000_000, description="Which page, from 1.")]
Size = Annotated[int, Query(ge=1, le=500, description="Lines of a page.")]
Depth = Annotated[int, Query(ge=1, le=100, description="Items of each ranking.")]
OnSale = Annotated[bool, Query(description="Only what was taken or shown lately, [samples] available periods.")]

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "The run cannot answer this, or the host is not the server's."},
    401: {"model": Refusal, "description": "The token is missing or wrong."},
    404: {"model": Refusal, "description": "No such run, item, sample, request or measure."},
    414: {"model": Refusal, "description": "The address is too long."},
    422: {"model": Refusal, "description": "A value that cannot be taken."},
    503: {"model": Refusal, "description": "The run is being made again, or several wait for what takes long; ask once more."},
}
