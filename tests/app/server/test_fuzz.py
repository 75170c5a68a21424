"""Ten thousand requests, drawn from the API's own schema or such as no schema would draw: none ends in a fault."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from assay.app.server.app import guarded, make
from assay.app.server.pages import PAGES
from assay.app.server.site import Site, named
from assay.benchmark import freeze, of_run
from assay.finished import Finished
from assay.serving.events import EventStore
from assay.serving.giving import Giving
from tests.app.server.conftest import LOCAL
from tests.app.server.judging import judged_by

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
EACH = 120  # requests of each endpoint, drawn from the schema
WHATEVER = 8_000  # drawn from no schema
SLOW = {"/api/explain", "/shop/why", "/samples/why", "/run", "/docs"}  # asked a tenth as often


@pytest.fixture(scope="module")
def app(served_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """All that a server can have, over a copy of the run, as marks are kept with it."""
    folder = tmp_path_factory.mktemp("fuzzed")
    shutil.copytree(served_folder, folder / "run")
    run = Finished(folder / "run")
    kept = freeze(of_run.benchmark(run, run.config).take(range(40)), folder / "kept", name="kept")
    giving = Giving(EventStore(f"sqlite:///{folder / 'events.db'}"), 0.5)
    site = Site(named([run.folder]), benchmarks=[kept], giving=giving, judging=judged_by(folder))
    yield make(site)
    giving.close()


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(guarded(app), base_url=LOCAL, raise_server_exceptions=False, follow_redirects=False) as asked:
        yield asked


def drawn(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )


def test_what_the_schema_draws_is_answered_or_refused_with_a_sentence(app):
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.config.base_url = LOCAL
    schema.app = guarded(app)
    asked = 0
    for operation in (each.ok() for each in schema.get_all_operations()):

        @seed(7)
        @drawn(EACH // 10 if operation.path in SLOW else EACH)
        @given(case=operation.as_strategy())
        def answers(case):
            nonlocal asked
            answer = case.call(headers={"Host": "127.0.0.1"})
            asked += 1
            assert answer.status_code < 500, (case.formatted_path, case.query, answer.text)
            if answer.status_code >= 400:
                assert set(answer.json()) == {"error"}

        answers()
    assert asked > 10_000 - WHATEVER


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
    "rule",
    "valuer",
]
KEYS += [
    "measure",
    "benchmark",
    "a",
    "b",
    "id",
    "depth",
    "attribute",
    "level",
    "sample",
    "say",
    "who",
    "expected",
    "number",
    "mark",
]
KEYS += ["done", "lang", "judge", "kind", "request", "in_stock", "exclude_bought"]
VALUES = [
    "u7",
    "x/y z",
    "rye bread",
    "A & B",
    "popularity",
    "kept",
    "ndcg@10",
    "apart",
    "-z",
    "drop",
    "drop:1",
    "pair",
    "zh",
    "1",
    "2",
]
VALUES += ["", " ", "0", "-1", "1e309", "nan", "null", "true", "牛奶", "\0", "..", "%", "🥛", "9" * 40, "a" * 3_000]
VALUES += ["2024-02-30", "2024-03-04", "run", "[]", "{}", "'; --", "<b>"]
TEXT = st.sampled_from(VALUES) | st.text(max_size=40)
PAIRS = st.lists(st.tuples(st.sampled_from(KEYS), TEXT), max_size=5)


@st.composite
def requests(draw: st.DrawFn, paths: list[str]) -> dict[str, object]:
    """A request to one of these paths, or to one below it, with any method, query and form."""
    path, pairs = draw(st.sampled_from(paths)), draw(PAIRS)
    steps = [quote(draw(TEXT), safe="") if step.startswith("{") else step for step in path.split("/")]
    more = draw(st.none() | st.none() | TEXT)
    method = draw(st.sampled_from(["GET"] * 9 + ["POST", "POST", "HEAD", "OPTIONS", "DELETE"]))
    return {
        "method": method,
        "url": "/".join(steps if more is None else [*steps, quote(more, safe="")]),
        "headers": {"Accept": draw(st.sampled_from(["*/*", "text/html", ""]))},
        "params": pairs,
    } | ({"data": dict(draw(PAIRS))} if method == "POST" else {})


def test_whatever_is_asked_is_answered_or_refused(client, app):
    routes = {route.path for page in PAGES for route in page.router.routes} | set(app.openapi()["paths"])
    paths = sorted(routes - SLOW | {"", "/openapi.json", "/static/{name}"}) * 10 + sorted(SLOW)

    @seed(7)
    @drawn(WHATEVER)
    @given(asked=requests(paths))
    def answers(asked):
        answer = client.request(**asked)
        assert answer.status_code < 500, (asked, answer.text)

    answers()
