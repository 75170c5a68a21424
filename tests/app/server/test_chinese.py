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
from assay.selection.marks import DECISIONS, Marks
from assay.serving.events import EventStore
from assay.serving.giving import Giving
from tests.app.conftest import run as run  # a hand-made folder that ranks nothing
from tests.app.server.conftest import client_of, whole

READ = ("title", "aria-label", "alt", "placeholder", "label", "data-words")  # attributes that people read or hear
AS_IT_IS = ("bdi", "code", "pre", "kbd", "script", "style")  # names of the log, what is typed, and what nobody reads
VOID = {"meta", "link", "input", "img", "br"}
FORMS = ("/samples/mark", "/samples/undo", "/samples/slice")  # which take what is filled in
MOST = 2  # pages of a kind that are looked at
OURS = {"Assay", "API", "JSON", "AUC", "BM25", "EASE", "Holm", "Krippendorff", "alpha", "nats", "schema", "tau", "MB", "GB", "ID"}
TYPED = re.compile(r"assay(?: (?:benchmark|build|run|score|search|serve|user|audit|--?[a-z-]+|[A-Z_]+(?:=[A-Z]+)?))+|--[a-z-]+")
ADDRESS = re.compile(r"(?<![\w/])/(?:[\w.]+/?)*")
PLACE = re.compile(r"\{\w+\}")  # that a script fills
IDENTIFIER = re.compile(r"[A-Za-z]\w*(?:[._]\w+)+", re.ASCII)  # columns of tables and keys of a config
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


def english(text: str, known: set[str]) -> list[str]:
    """Words of a text that are English, besides names that stay as they are."""
    for name in sorted(known | OURS, key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", " ", text)
    for pattern in (PLACE, TYPED, ADDRESS, IDENTIFIER):
        text = pattern.sub(" ", text)
    return WORD.findall(text)


def left(page: str, known: set[str]) -> dict[str, list[str]]:
    """Texts of a page with English words in them."""
    return {text.strip(): words for text in Shown(page).texts if (words := english(text, known))}


def called(run: Finished) -> set[str]:
    """Names of a run's log and config, and of measures."""
    texts = [run.log.users.column("user_id"), *(run.log.items.column(name) for name in ("item_id", "name", "category"))]
    ours = {*run.config.models.names, *run.config.value.valuers, *MEASURES, *names.RANKING, *names.GRADED, "model", "family"}
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
        asked.headers |= {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5", "Accept": "text/html"}
        yield asked


BEGIN = [
    "/docs",
    "/shop?user=u7",
    "/shop?user=nobody",
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
    known = called(Finished(folder)) | {one.label for one in kept}
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
