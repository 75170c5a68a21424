"""In Chinese nothing is left in English: a walk over every page, with all that it may show, and over what is refused."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fastapi.testclient import TestClient

from assay.app.server.pages import PAGES
from assay.app.words import MEASURES
from assay.benchmark import freeze, of_run
from assay.benchmark.judged.asking import Judging
from assay.benchmark.keep.folder import Kept
from assay.finished import Finished
from assay.numerics import names
from assay.pages.samples import SamplesMade
from assay.pages.search import SearchMade
from assay.selection.marks import DECISIONS, Marks
from assay.serving.events import EventStore
from assay.serving.giving import Giving
from tests.app.conftest import run as run  # a hand-made folder that ranks nothing
from tests.app.server.conftest import client_of, whole

READ = ("title", "aria-label", "alt", "placeholder", "label", "data-words")  # attributes that people read or hear
AS_IT_IS = ("bdi", "code", "pre", "kbd", "script", "style")  # names of the log, what is typed, and what nobody reads
VOID = {"meta", "link", "input", "img", "br"}
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5", "Accept": "text/html"}
FORMS = ("/samples/mark", "/samples/undo", "/samples/slice")  # which take what is filled in
MOST = 2  # pages of a kind that are looked at
OURS = {
    "Assay",
    "API",
    "JSON",
    "AUC",
    "BM25",
    "EASE",
    "Holm",
    "Krippendorff",
    "alpha",
    "nats",
    "schema",
    "tau",
    "MB",
    "GB",
    "ID",
    "UTC",
}
PATTERNS = [
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"\{\w+\}",  # places that a script fills
        # what is typed
        r"assay(?: (?:benchmark|build|run|score|search|serve|user|audit|--?[a-z-]+|[A-Z_]+(?:=[A-Z]+)?))+|--[a-z-]+(?: [A-Z]+)?",
        r"(?<![\w/])/(?:[\w.]+/?)*",  # addresses
        r"[A-Za-z]\w*(?:[._]\w+)+|\[\w+\]",  # columns of tables, keys and sections of a config
        r"\b[0-9a-f]{12}\b|'[^' ]*'",  # fingerprints and ids
    )
]
WORD = re.compile(r"[A-Za-z]{2,}")


class Shown(HTMLParser):
    """What people read or hear of a page, and where it leads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self._open: list[bool] = []  # whether what is within stays as it is
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        kept = dict(attributes)
        self.links += [str(kept[name]) for name in ("href", "action") if name in kept]
        foreign = kept.get("lang") == "en" or "hreflang" in kept
        if not foreign and not self._hidden and tag not in AS_IT_IS:
            self.texts += [str(value) for name, value in attributes if name in READ and name != "data-words"]
            self.texts += json.loads(str(kept.get("data-words", "{}"))).values()
        if tag not in VOID:
            self._open.append(foreign or tag in AS_IT_IS)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data)

    @property
    def _hidden(self) -> bool:
        return any(self._open)


def whole_word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z_]){re.escape(name)}(?![A-Za-z_])")


def english(text: str, known: set[str]) -> list[str]:
    """Words of a text that are English, besides names that stay as they are."""
    plain = {name for name in known | OURS if name.isidentifier()}
    for pattern in (*map(whole_word, known - plain), *PATTERNS, *map(whole_word, plain)):
        text = pattern.sub(" ", text)
    return WORD.findall(text)


def left(page: str, known: set[str]) -> dict[str, list[str]]:
    """Texts of a page with English words in them."""
    return {text.strip(): words for text in Shown(page).texts if (words := english(text, known))}


def called(run: Finished) -> set[str]:
    """Names of a run's log and config, and of measures."""
    texts = [run.log.users.column("user_id"), *(run.log.items.column(name) for name in ("item_id", "name", "category"))]
    ours = {*run.config.models.names, *run.config.value.valuers, *run.stages, *MEASURES, *names.RANKING, *names.GRADED}
    ours |= {*SearchMade.read(run).systems, *SamplesMade.read(run).candidate_sizes, "buy-it-again"}
    return {str(text) for column in texts for text in pc.unique(column).to_pylist()} | ours


@pytest.fixture(scope="module")
def folder(served_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with marks of every kind."""
    copy = tmp_path_factory.mktemp("chinese") / "店"
    shutil.copytree(served_folder, copy)
    ids, marks = Finished(copy).train.sample_id.tolist(), Marks(copy)
    for k, decision in enumerate(DECISIONS):
        marks.add("李雷", decision, ids[k : k + 2])
    marks.add("韩梅", "drop", ids[9:12], {"user": "u7", "value_max": 0.5, "week": "2024-02-05", "rule": "label is positive"})
    marks.undo("韩梅", 5)
    return copy


@pytest.fixture(scope="module")
def kept(folder: Path) -> list[Kept]:
    """Two versions of a benchmark with systems that were scored on both."""
    run = Finished(folder)
    own = of_run.benchmark(run, run.config)
    first = freeze(own.take(range(40)), folder.parent / "一", name="基准")
    return [freeze(own.take(range(20, 110)), folder.parent / "二", replaces=first.folder), first]


@pytest.fixture(scope="module")
def client(folder: Path, kept: list[Kept]) -> Iterator[TestClient]:
    listed = kept[0].benchmark.candidates
    scores = np.random.default_rng(0).normal(size=(2, len(listed)))
    files = {name: listed.append_column("score", pa.array(own)) for name, own in zip(("甲", "乙"), scores, strict=True)}
    judging = Judging(kept[0].benchmark, files, kept[0].folder, label=kept[0].label)
    giving = Giving(EventStore(f"sqlite:///{folder.parent / 'events.db'}"), 0.2)
    with client_of(folder, benchmarks=kept, predictions=files, judging=judging, giving=giving) as asked:
        asked.headers |= CHINESE
        yield asked


BEGIN = [
    "/docs",
    "/shop?user=u7",
    "/shop?user=nobody",
    "/shop?category=none&user=u7",
    "/shop?user=u7&category=%E4%B9%B3%E5%88%B6%E5%93%81",
    "/shop/search?q=",
    "/shop/search?q=rye+bread&user=nobody",
    "/shop/search?q=zzzz",
    "/samples?user=u7&done=5",
    "/samples?done=1",
    "/samples?user=none",
    "/samples/slice?user=u7&value_max=0.5&z_min=-3&week=2024-02-05&label=1&item=x%2Fy+z&say=halve",
    "/compare?page=99",
    "/compare?attribute=hour&level=morning+(6+to+11)",
    "/benchmarks?measure=mrr%4010",
]


def test_a_walk_over_every_page_meets_no_english(client: TestClient, folder: Path, kept: list[Kept]):
    known = called(Finished(folder)) | {one.label for one in kept} | {"rye", "bread"}
    waiting, seen, met = [page.path for page in PAGES] + BEGIN, Counter[object](), dict[str, object]()
    while waiting:
        link = waiting.pop(0)
        parts = urlsplit(link)
        kind = parts.path, frozenset(name for name, _ in parse_qsl(parts.query))
        if seen[kind] >= MOST or parts.path.startswith(("/static", "/openapi", "/api")) or "lang=" in link:
            continue
        seen[kind] += 1
        answer = client.get(link)
        if answer.status_code == 307:
            waiting.append(answer.headers["location"])
            continue
        assert answer.status_code == 200, (link, answer.text[:300])
        assert '<html lang="zh">' in answer.text
        if words := left(answer.text, known):
            met[link] = words
        waiting += [to for to in Shown(answer.text).links if to.startswith("/") and to not in FORMS]
    assert not met, json.dumps(met, ensure_ascii=False, indent=1)
    routes = {route.path for page in PAGES for route in page.router.routes if "GET" in route.methods}
    assert routes <= {path for path, _ in seen}


def test_where_there_is_nothing_to_show_it_is_said_in_chinese(served_folder: Path, run: Finished):
    for site, paths in (
        (served_folder, ["/benchmarks", "/judge", "/samples/marks"]),
        (whole(run), ["/compare", "/judge", "/samples"]),
    ):
        with client_of(site) as client:
            for path in paths:
                assert left(client.get(path, headers=CHINESE).text, {"run/samples/samples.parquet"}) == {}, path


REFUSED = [
    "/none",
    "/shop?run=none",
    "/shop/item?item=none",
    "/shop/item",
    "/shop/why?user=u7&item=none",
    "/shop/search?q=" + 1001 * "a",
    "/compare?a=none",
    "/compare?a=lightgbn",
    "/compare?a=popularity&b=popularity",
    "/compare?measure=none",
    "/compare?measure=mrr@1",
    "/compare?attribute=none",
    "/compare?attribute=hour&level=none",
    "/compare?sort=none",
    "/compare?page=0",
    "/compare?page=x",
    "/compare?page=99999999",
    "/compare/request?id=none",
    "/compare/request?id=1&depth=0",
    "/benchmarks?benchmark=none",
    "/benchmarks?measure=none",
    "/samples?page=0",
    "/samples?week=tomorrow",
    "/samples?value_min=nan",
    "/samples?value_min=x",
    "/samples?sort=name",
    "/samples?rule=none",
    "/samples?label=2",
    "/samples/slice?say=drop",
    "/samples/slice?say=burn&user=u7",
    "/samples/why?sample=x",
    "/samples/why",
    "POST /samples/mark say=drop%3Ax&who=A",
    "POST /samples/mark say=drop%3A5&who=A",
    "POST /samples/mark say=drop&who=A&user=u7",
    "POST /samples/mark say=drop&who=A&expected=5",
    "POST /samples/mark say=drop&who=A&expected=5&user=u7",
    "POST /samples/mark say=drop&who=+&expected=5&user=none",
    "POST /samples/mark a=1" + 99 * "&a=1",
    "POST /samples/undo who=A",
    "POST /samples/undo who=A&number=99",
    "POST /samples/undo who=A&number=5",
    "POST /samples/undo who=A&number=-1",
    "POST /run ",
]


NAMED = {
    "attribute",
    "depth",
    "expected",
    "filter",
    "hour",
    "importance/*.parquet",
    "item",
    "items",
    "keep, halve, drop",
    "label",
}
NAMED |= {"level", "number", "page", "period", "price", "sample", "say", "sort", "taken", "week", "who"}  # what addresses name


@pytest.mark.parametrize("asked", REFUSED)
def test_what_is_refused_is_told_in_chinese(client: TestClient, folder: Path, kept: list[Kept], asked: str):
    method, path, content = asked.split(" ", 2) if " " in asked else ("GET", asked, "")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.request(method, path, content=content, headers=form)
    assert answer.status_code >= 400, answer.text
    known = called(Finished(folder)) | {one.label for one in kept} | NAMED
    assert left(answer.text, known) == {}
