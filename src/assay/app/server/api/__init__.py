"""The API: a file for each theme, each with a router; what it answers is typed in assay.pages."""

from assay.app.server.api import boards, compare, docs, explain, health, kept, lists, marks, runs, samples, search

ROUTERS = (
    lists.router, search.router, explain.router, samples.router, marks.router, boards.router, compare.router, kept.router,
    runs.router, health.router, docs.router,
)  # fmt: skip
