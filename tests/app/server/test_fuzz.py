"""Thousands of requests drawn from the API's own schema, and thousands that no schema would draw: none ends in a fault."""

from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from assay.app.server.app import guarded, make
from assay.app.server.site import Site, named
from assay.serving.events import EventStore
from assay.serving.giving import Giving
from tests.app.server.conftest import LOCAL
from tests.app.server.judging import judged_by

pytestmark = pytest.mark.slow
EACH = 60  # requests of each endpoint


@pytest.mark.timeout(900)
def test_what_the_schema_draws_is_answered_or_refused_with_a_sentence(served_folder, tmp_path):
    store = EventStore(f"sqlite:///{tmp_path / 'events.db'}")
    app = make(Site(named([served_folder]), giving=Giving(store, 0.5), judging=judged_by(tmp_path)))
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.config.base_url = LOCAL
    schema.app = guarded(app)
    asked = 0

    for operation in (each.ok() for each in schema.get_all_operations()):

        @seed(7)
        @settings(
            max_examples=EACH, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
        )
        @given(case=operation.as_strategy())
        def answers(case):
            nonlocal asked
            answer = case.call(headers={"Host": "127.0.0.1"})
            asked += 1
            assert answer.status_code < 500, (case.formatted_path, case.query, answer.text)
            if answer.status_code >= 400:
                assert set(answer.json()) == {"error"}

        answers()
    store.close()
    assert asked > 1_000


PATHS = [
    "/api/recommend",
    "/api/similar",
    "/api/session",
    "/api/search",
    "/api/samples",
    "/api/requests",
    "/api/board",
    "/api/items",
]
PATHS += ["/api/suggest", "/api/runs", "/run", "/shop", "/shop/search", "/shop/item", "/docs", "/static"]
KEYS = [
    "user",
    "item",
    "q",
    "n",
    "category",
    "run",
    "page",
    "size",
    "sort",
    "week",
    "value_min",
    "z_max",
    "label",
    "valuer",
    "measure",
]
VALUES = [
    "u7",
    "x/y z",
    "",
    " ",
    "0",
    "-1",
    "1e309",
    "nan",
    "null",
    "true",
    "牛奶",
    "\0",
    "..",
    "%",
    "9" * 40,
    "a" * 3_000,
    "2024-02-30",
]
TEXT = st.sampled_from(VALUES) | st.text(max_size=40)


@seed(7)
@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    method=st.sampled_from(["GET", "GET", "GET", "POST", "HEAD", "OPTIONS", "DELETE"]),
    path=st.sampled_from(PATHS),
    more=st.none() | TEXT,
    query=st.lists(st.tuples(st.sampled_from(KEYS), TEXT), max_size=5),
    accept=st.sampled_from(["*/*", "text/html", ""]),
)
def test_whatever_is_asked_is_answered_or_refused(client, method, path, more, query, accept):
    address = path if more is None else f"{path}/{quote(more, safe='')}"
    answer = client.request(method, address, params=query, headers={"Accept": accept})
    assert answer.status_code < 500, (address, query, answer.text)
