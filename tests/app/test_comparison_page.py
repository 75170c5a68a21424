"""The page of `assay benchmark compare --html`: what it holds, that it is small and self-contained, that ids stay inert."""

import html
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.benchmark.keep.folder import freeze
from assay.testing.benchmarks import make_benchmark, predictions
from tests.app.benchmark_commands import asked, called
from tests.app.test_browser import dump

HOSTILE = [
    "</script><script>alert(1)</script>",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe 🆕 שלום",
    "<img src=x onerror=alert(1)>",
    "<!-- & ' \" `",
    "杂货 🥛\u2028\x1b[2J",
]
INERT = [HOSTILE[0], "gnp.exe 🆕 שלום", HOSTILE[2], HOSTILE[3], "杂货 🥛 �[2J"]


def table(path, number, rows):
    columns = zip(("request_id", "item_id", number), zip(*rows, strict=True), strict=True)
    pq.write_table(pa.table({name: list(values) for name, values in columns}), path)
    return path


def page_of(capsys, folder, *arguments):
    called(capsys, "compare", *arguments, "--html", folder / "page.html")
    text = (folder / "page.html").read_text(encoding="utf-8")
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return text, json.loads(data)


@pytest.fixture
def small(tmp_path):
    """Three requests; worked out by hand below."""
    truth = [("q1", "a", 2), ("q1", "b", -1), ("q1", "c", 1), ("q2", "a", 1), ("q3", "a", 1)]
    old = [("q1", "b", 3.0), ("q1", "a", 2.0), ("q1", "z", 2.0), ("q2", "a", 1.0), ("q2", "b", 0.5)]
    new = [("q1", "a", 3.0), ("q1", "b", 2.0), ("q2", "a", 1.0), ("q3", "a", 1.0)]
    files = [table(tmp_path / "truth.parquet", "grade", truth)]
    files += [table(tmp_path / f"{name}.parquet", "score", rows) for name, rows in (("old", old), ("new", new))]
    return ["--truth", files[0], "--system", files[1], "--system", files[2]]


def named(data, system, request):
    return [data["items"][code] for code in data["lists"][system][request]]


def test_rankings_grades_and_scores_are_those_counted_by_hand(small, tmp_path, capsys):
    text, data = page_of(capsys, tmp_path, *small, "--measure", "mrr@10", "--measure", "recall@10")
    assert data["requests"] == ["q3", "q1", "q2"]  # by the difference in mrr: 1, 2/3, 0
    assert data["measures"] == ["mrr@10", "recall@10"]
    assert data["scores"] == [[[0.0, 0.3333, 1.0], [1.0, 1.0, 1.0]], [[0.0, 0.5, 1.0], [1.0, 0.5, 1.0]]]
    assert [named(data, 0, k) for k in range(3)] == [[], ["b", "z", "a"], ["a", "b"]]  # z before a: a tie, by id
    assert [named(data, 1, k) for k in range(3)] == [["a"], ["a", "b"], ["a"]]
    grades = [{data["items"][c]: g for c, g in zip(one[::2], one[1::2], strict=True)} for one in data["grades"]]
    assert grades == [{"a": 1}, {"a": 2, "b": -1, "c": 1}, {"a": 1}]
    assert data["relevant"] == [1, 2, 1]
    [wins] = re.findall(r"mrr@10</td><td[^>]*>(\d)</td><td[^>]*>(\d)</td><td[^>]*>(\d)</td>", text)
    assert wins == ("2", "1", "0")


def test_the_lists_are_those_that_were_scored(tmp_path, capsys):
    """nDCG of the lists on the page, from its grades, is the score on the page."""
    made = make_benchmark(requests=60)
    files = []
    for k in (1, 4):
        pq.write_table(predictions(made, k), tmp_path / f"s{k}.parquet")
        files += ["--system", tmp_path / f"s{k}.parquet"]
    kept = freeze(made, tmp_path / "kept")
    _, data = page_of(capsys, tmp_path, kept.folder, *files, "--against", "system 0")
    assert data["systems"] == ["s1", "s4"]
    scores = np.array(data["scores"][0])
    assert np.all(np.diff(np.abs(scores[1] - scores[0])) <= 1e-4)
    for system in range(2):
        for request, pairs in enumerate(data["grades"]):
            grade = dict(zip(pairs[::2], pairs[1::2], strict=True))
            gains = [max(grade.get(code, 0), 0) / np.log2(at + 2) for at, code in enumerate(data["lists"][system][request])]
            assert sum(gains) / (1 + 1 / np.log2(3)) == pytest.approx(scores[system][request], abs=1e-4)
    assert kept.uses()[-1]["systems"] == [*(f"system {k}" for k in range(6)), "s1", "s4"]


def test_groups_count_their_own_wins(tmp_path, capsys):
    made = make_benchmark(requests=60)
    pq.write_table(predictions(made, 1), tmp_path / "s1.parquet")
    pq.write_table(predictions(made, 4), tmp_path / "s4.parquet")
    freeze(make_benchmark(requests=60, systems=2), tmp_path / "kept")
    given = [tmp_path / "kept", "--system", tmp_path / "s1.parquet", "--system", tmp_path / "s4.parquet", "--against", "s1"]
    text, _ = page_of(capsys, tmp_path, *given, "--group", "device")
    pairs = asked(capsys, "compare", *given, "--group", "device")["comparisons"]
    rows = re.findall(r"<bdi dir=\"auto\">s4</bdi>.*?<td[^>]*>(\w+)</td><td[^>]*>ndcg@10</td>" + r"<td[^>]*>(\d+)</td>" * 3, text)
    of = {pair["group"]: pair["requests"] for pair in pairs if pair["b"] == "s4"}
    assert {group: sum(map(int, counts)) for group, *counts in rows} == {k: n for k, n in of.items() if re.fullmatch(r"\w+", k)}


@pytest.mark.slow
def test_five_thousand_requests_take_less_than_two_megabytes(tmp_path, capsys):
    """Two systems, ten items each of 20,000 with ids as long as shops have them."""
    rng, requests, items = np.random.default_rng(0), 5_000, 20_000
    ids, names = [f"request-{r:08d}" for r in range(requests)], [f"sku-{hash((7, k)) % 10**12:012d}" for k in range(items)]
    lists = [np.argsort(rng.random((requests, 40)), axis=1)[:, :12] * 500 + rng.integers(0, 500, (requests, 12)) for _ in "ab"]
    truth = [(ids[r], names[k], int(g)) for r in range(requests) for k, g in zip(lists[0][r][4:], [3, 2, 1, 0, -1], strict=False)]
    files = [table(tmp_path / "truth.parquet", "grade", truth)]
    for name, chosen in zip("ab", lists, strict=True):
        rows = [(ids[r], names[k], float(12 - at)) for r in range(requests) for at, k in enumerate(chosen[r])]
        files.append(table(tmp_path / f"{name}.parquet", "score", rows))
    given = ["--truth", files[0], "--system", files[1], "--system", files[2]]
    _, data = page_of(capsys, tmp_path, *given)
    assert len(data["requests"]) == requests
    assert {len(one) for system in data["lists"] for one in system} == {10}
    assert (tmp_path / "page.html").stat().st_size < 2_000_000


def test_only_the_requests_that_differ_most_are_shown_of_very_many(small, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("assay.app.comparison_page.MOST", 2)
    text, data = page_of(capsys, tmp_path, *small, "--measure", "mrr@10")
    assert data["requests"] == ["q3", "q1"]
    assert "2 of 3 requests, those first on which" in text


@pytest.fixture
def hostile(tmp_path):
    rng = np.random.default_rng(0)
    truth = [(q, i, int(g)) for q in HOSTILE for i, g in zip(HOSTILE, [3, -2, 1, 0, 1], strict=True)]
    files = ["--truth", table(tmp_path / "truth.parquet", "grade", truth)]
    for k, name in enumerate((HOSTILE[0], "מערכת 🆕")):
        rows = [(q, i, float(rng.random())) for q in HOSTILE for i in HOSTILE]
        files += ["--system", f"{name}={table(tmp_path / f's{k}.parquet', 'score', rows)}"]
    return files


def test_hostile_ids_stay_ids(hostile, tmp_path, capsys):
    text, data = page_of(capsys, tmp_path, *hostile)
    assert sorted(data["requests"]) == sorted(data["items"]) == sorted(INERT)
    assert data["systems"] == [HOSTILE[0], "מערכת 🆕"]
    assert "alert(1)" in text
    assert not re.search("<script>alert|<img|<!--|[\x00-\x08\x1b\u202e]", text)
    assert text.count("<script") == text.count("</script>") == 2
    assert not re.search(r"(?:src|href)=\"(?!#|data:)|https?://", text)


def test_scores_alone_and_one_system_have_no_rankings_to_show(small, tmp_path, capsys):
    kept = freeze(make_benchmark(requests=40), tmp_path / "kept")
    said = called(capsys, "compare", kept.folder, "--html", tmp_path / "page.html", code=2)
    assert "scores alone have none: give --system NAME=FILE for two or more" in said
    pq.write_table(predictions(make_benchmark(requests=40), 1), tmp_path / "s1.parquet")
    one = ["compare", kept.folder, "--system", tmp_path / "s1.parquet", "--html", tmp_path / "page.html"]
    assert "predictions of 1 system(s)" in called(capsys, *one, code=2)
    assert not (tmp_path / "page.html").exists()
    assert not kept.uses()


# The page is driven from outside, in a frame: it lets no script run but its own.
DRIVEN = """<!doctype html><meta charset="utf-8"><iframe id="page" style="border:0;width:{width}px;height:900px"></iframe>
<pre id="found"></pre><script>
const page = document.getElementById("page"), found = {{}};
page.onload = () => {{
  const inside = page.contentDocument, text = (where) => [...inside.querySelectorAll(where)].map((one) => one.textContent);
  found.requests = text("#list bdi");
  found.alien = inside.querySelectorAll("img, iframe, section script").length;
  const buttons = inside.querySelectorAll("#list button");
  buttons[buttons.length - 1].click();
  found.chosen = text("#shown h3 bdi")[0];
  const names = (list) => [...list.querySelectorAll("bdi")].map((one) => one.textContent);
  found.rankings = [...inside.querySelectorAll("#shown .ranking")].map(names);
  found.grades = text("#shown .grade");
  const find = inside.getElementById("find");
  find.value = "IMG SRC";
  find.dispatchEvent(new Event("input"));
  found.matching = text("#list bdi");
  found.width = inside.documentElement.scrollWidth;
  document.getElementById("found").textContent = JSON.stringify(found);
}};
page.srcdoc = {source};
</script>"""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("width", [1100, 420])
def test_a_browser_shows_the_request_that_is_chosen(hostile, tmp_path, capsys, chromium, width):
    text, data = page_of(capsys, tmp_path, *hostile)
    outside = DRIVEN.format(width=width, source=json.dumps(text).replace("</", "<\\/"))
    (tmp_path / "outside.html").write_text(outside, encoding="utf-8")
    shown = re.search(r'<pre id="found">(.*?)</pre>', dump(chromium, tmp_path, "outside.html"), re.DOTALL)
    found = json.loads(html.unescape(shown[1]))
    assert found["requests"] == data["requests"]
    assert found["chosen"] == data["requests"][-1]
    assert found["rankings"] == [named(data, system, -1) for system in range(2)]
    assert sorted(found["grades"]) == sorted(2 * ["grade 3", "grade −2", "grade 1", "grade 0", "grade 1"])
    assert found["matching"] == [HOSTILE[2]]
    assert found["alien"] == 0
    assert found["width"] <= width
