"""The API: a file for each theme, each with a router; what it answers is typed in assay.pages."""

from assay.app.server.api import boards, docs, explain, health, lists, runs, samples, search

ROUTERS = (lists.router, search.router, explain.router, samples.router, boards.router, runs.router, health.router, docs.router)
