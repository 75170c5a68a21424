"""Side by side and benchmarks, as pages and in the API: whole, inert, with the same numbers, and told when there is nothing."""

import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pytest

from assay.app import words
from assay.app.server.pages.compare import verdict
from assay.benchmark import freeze
from assay.benchmark.keep.folder import Kept
from assay.benchmark.of_run import benchmark
from assay.finished import Finished
from assay.pages.beside import Difference
from tests.app.conftest import run as run  # a hand-made folder with whole numbers as ids
from tests.app.server.conftest import client_of, whole
from tests.app.server.test_pages import HOSTILE, page

NAME = "商店 <img src=x onerror=alert(1)> a/b"


@pytest.fixture(scope="module")
def kept(served_folder: Path, tmp_path_factory) -> list[Kept]:
    """Two versions of a benchmark of the run's requests; on both a system with a hostile name was scored."""
    folder, served = tmp_path_factory.mktemp("kept"), Finished(served_folder)
    own, rng = benchmark(served, served.config), np.random.default_rng(0)
    versions = [freeze(own.take(range(40)), folder / "v1", name=NAME)]
    versions.append(freeze(own.take(range(20, 110)), folder / "v2", replaces=folder / "v1"))
    for one in versions:
        listed = one.benchmark.candidates
        one.score({HOSTILE: listed.append_column("score", pa.array(rng.normal(size=len(listed))))})
    return versions


@pytest.fixture(scope="module")
def client(served_folder, kept):
    listed = kept[1].benchmark.candidates
    files = {"system/新 100%": listed.append_column("score", pa.array(np.arange(len(listed), dtype=float)))}
    with client_of(served_folder, benchmarks=[kept[1]], predictions=files) as asked:
        yield asked


@pytest.fixture(scope="module")
def versions(served_folder, kept):
    with client_of(served_folder, benchmarks=kept) as asked:
        yield asked


def got(client, path, **parameters):
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def inert(read):
    assert "style" not in {name for name, _ in read.attributes}
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert not {"script", "style", "img"} & set(read.tags)
    assert all(link.startswith(("/", "#")) for link in read.links)


def test_every_pair_of_systems_is_a_page_and_an_answer_with_the_same_numbers(client):
    systems = got(client, "/api/systems")["systems"]
    assert [one["system"] for one in systems].count("lightgbm") == 2
    assert {HOSTILE, "system/新 100%"} <= {one["system"] for one in systems}
    first = systems[0]["address"]
    for one in systems[1:]:
        answer = got(client, "/api/compare", a=first, b=one["address"], size=25)
        read = page(client, "/compare", a=first, b=one["address"])
        inert(read)
        assert one["system"] in read.text
        for line in answer["differences"]:
            assert words.estimate(line["difference"], line["low"], line["high"], sign=True) in read.text
        for line in answer["slices"]:
            assert f"{line['better']} / {line['equal']} / {line['worse']}" in read.text
        for line in answer["requests"]:
            assert str(line["request_id"]) in read.text
        assert [link for link in read.links if link.startswith("/compare/request?")]


def test_a_request_shows_both_lists_their_lines_and_what_is_right(client):
    asked = {"a": "popularity", "b": "lightgbm", "sort": "better"}
    request = str(got(client, "/api/compare", **asked, size=1)["requests"][0]["request_id"])
    answer = got(client, f"/api/compare/requests/{quote(request, safe='')}", **asked)
    read = page(client, "/compare/request", id=request, **asked)
    inert(read)
    for own in (answer["a"], answer["b"]):
        assert len(own["items"]) == 10
        for item in own["items"]:
            assert item["name"] in read.text
    paths = [value for name, value in read.attributes if name == "d"]
    stays = {(item["rank"], item["other"]) for item in answer["a"]["items"] if item["other"] <= 10}
    joined = {
        tuple(float(end) for end in re.findall(r"M0 (\S+) C\S+ \S+ \S+ \S+ 100 (\S+)", path)[0]) for path in paths if "C" in path
    }
    assert joined == {(rank - 0.5, other - 0.5) for rank, other in stays}
    assert read.text.count("✓ right") == sum(item["grade"] > 0 for own in ("a", "b") for item in answer[own]["items"])
    for item in answer["b"]["items"]:
        moved = item["other"] - item["rank"]
        assert ("stays" if moved == 0 else f"{'▲' if moved > 0 else '▼'} from {item['other']}") in read.text
    others = [link for link in read.links if "/compare/request" in link and "id=" in link and "lang=" not in link]
    assert len(others) == 1  # the first has no one before


def test_a_ranking_that_is_not_kept_is_told_on_the_page(client):
    address = next(one["address"] for one in got(client, "/api/systems")["systems"] if one["system"] == HOSTILE)
    request = got(client, "/api/compare", b=address, size=1)["requests"][0]["request_id"]
    read = page(client, "/compare/request", id=str(request), b=address)
    inert(read)
    assert "--system NAME=FILE" in read.text
    assert "not known" in read.text


def test_links_of_the_pages_lead_somewhere(client, kept):
    asked = {"a": "popularity", "b": "lightgbm", "attribute": "category", "level": "A & B"}
    request = str(got(client, "/api/compare", **asked)["requests"][3]["request_id"])
    for read in (
        page(client, "/compare", **asked, sort="worse", page=2),
        page(client, "/compare/request", id=request, **asked),
        page(client, "/benchmarks"),
    ):
        for link in {link for link in read.links if link.startswith(("/compare", "/benchmarks"))}:
            answer = client.get(link)
            assert answer.status_code in (200, 307), (link, answer.text[:300])
            ident = link.partition("#")[2]
            assert not ident or f'id="{ident}"' in answer.text


def test_pages_of_requests_are_numbered(client):
    read = page(client, "/compare", a="popularity", b="lightgbm", page=2)
    assert ("aria-current", "page") in read.attributes
    numbers = {re.search(r"[?&]page=(\d+)", link)[1] for link in read.links if "page=" in link}
    assert numbers == {"1", "2", "3", "4", "5"}
    beyond = page(client, "/compare", a="popularity", b="lightgbm", page=99)
    assert "No requests on this page." in beyond.text


def test_two_versions_and_two_runs_are_compared_on_what_they_share(versions, served_folder, tmp_path, kept):
    labels = [one.label for one in kept]
    addresses = {(one["where"], one["system"]): one["address"] for one in got(versions, "/api/systems")["systems"]}
    answer = got(versions, "/api/compare", a=addresses[labels[0], "lightgbm"], b=addresses[labels[1], "lightgbm"])
    assert (answer["total"], answer["differences"][0]["difference"]) == (20, 0.0)
    read = page(versions, "/compare", a=addresses[labels[0], "popularity"], b=addresses[labels[1], HOSTILE])
    assert "20 requests that both have" in read.text
    twin = tmp_path / "twin"
    twin.symlink_to(served_folder)
    with client_of(served_folder, twin) as client:
        names = [one["name"] for one in got(client, "/api/runs")["runs"]]
        answer = got(client, "/api/compare", a=f"{names[0]}/popularity", b=f"{names[1]}/lightgbm")
        own = got(client, "/api/compare", a="popularity", b="lightgbm")
        assert answer["differences"] == own["differences"]
        assert got(client, "/api/compare", run=names[1])["a"]["where"] == names[1]
        assert page(client, "/compare", run=names[1])


def test_a_benchmark_s_page_has_its_versions_board_card_audit_and_uses(versions, kept):
    read = page(versions, "/benchmarks", benchmark=kept[1].label)
    inert(read)
    answer = got(versions, f"/api/benchmarks/{quote(kept[1].label, safe='')}")
    assert [one["benchmark"] for one in answer["versions"]] == [kept[1].label, kept[0].label]
    for line in answer["board"]["leaders"] + answer["history"]:
        assert words.estimate(line["value"], line["low"], line["high"]) in read.text
    for heading in ("What it is", "Leader board", "Versions", "Audit", "Uses"):
        assert heading in read.text
    assert "version 1, 40 requests" in read.text
    assert "the audit of that test found" in read.text
    assert HOSTILE in read.text
    assert str(kept[0].folder.parent) not in read.text
    other = page(versions, "/benchmarks", benchmark=kept[0].label, measure="mrr@10")
    assert "mrr@10" in other.text


def test_uses_come_by_the_page(client, kept):
    for number in range(25):
        kept[1].consulted("compare", (f"系统 {number}",))
    first, second = (page(client, "/benchmarks", benchmark=kept[1].label, page=number).text for number in (1, 2))
    assert "系统 24" in first
    assert "系统 0" in second
    assert "系统 24" not in second


def test_nothing_to_show_is_told(served_folder, run):
    with client_of(served_folder) as client:
        assert "No benchmark was opened" in page(client, "/benchmarks").text
        assert got(client, "/api/benchmarks") == {"benchmarks": []}
    with client_of(whole(run)) as client:
        assert "This run ranks nothing" in page(client, "/compare").text
        assert got(client, "/api/systems") == {"systems": []}
        assert client.get("/api/compare").status_code == 400


BAD = {
    "/api/compare?a=none": 404,
    "/api/compare?a=popularity&b=popularity": 400,
    "/api/compare?measure=none": 404,
    "/api/compare?measure=auc": 404,
    "/api/compare?sort=none": 422,
    "/api/compare?page=0": 422,
    "/api/compare?attribute=none": 404,
    "/api/compare?attribute=category&level=none": 404,
    "/api/compare?run=none": 404,
    "/api/compare?a=" + 901 * "a": 422,
    "/api/compare/requests/none": 404,
    "/api/benchmarks/none": 404,
    "/compare?a=none": 404,
    "/compare?b=%2F%25%00%EF%BF%BF": 404,
    "/compare/request?id=none": 404,
    "/compare/request?id=%E7%89%9B&depth=0": 422,
    "/benchmarks?benchmark=none": 404,
    "/benchmarks?measure=none": 404,
    "/benchmarks?run=none": 404,
}


@pytest.mark.parametrize(("path", "status"), BAD.items())
def test_what_cannot_be_answered_is_told(client, served_folder, path, status):
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]
    assert str(served_folder.parent) not in answer.text


@pytest.mark.parametrize(
    ("low", "high", "tone", "told"),
    [
        (0.01, 0.03, "good", ": more than chance allows."),
        (-0.03, -0.01, "bad", ": more than chance allows."),
        (-0.01, 0.03, "even", "no more than chance allows. A true difference of 0.0300 would be found"),
        (0.0, 0.03, "even", "no more than chance allows"),
        (None, None, "even", "too few users to say"),
    ],
)
def test_a_verdict_says_what_chance_allows(low, high, tone, told):
    middle = 0.02 if low is None else (low + high) / 2
    line = Difference(
        measure="mrr@10", requests=9, users=1, mean_a=0.1, mean_b=0.1 + middle, difference=middle, low=low, high=high,
        stderr=None, p=None, p_holm=None, detectable=0.03, better=3, equal=3, worse=3,
    )  # fmt: skip
    assert verdict(line)[0] == tone
    assert told in verdict(line)[1]
    assert f"{'more' if middle > 0 else 'less'} mrr@10" in verdict(line)[1]
