"""What results show of themselves in a notebook: their figures, as a table, with nothing of a log obeyed."""

import html
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import assay
from assay.shown import html_table
from assay.testing.benchmarks import make_benchmark


class Cells(HTMLParser):
    """Rows of cells of a page, and the tags that occur."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.above = ""
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert attrs == []
        self.tags.add(tag)
        self._inside = tag
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "p":
            self.above += data
        else:
            self.rows[-1][-1] += data


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), min_size=1, max_size=3), st.text(max_size=20))
def test_text_from_anywhere_is_text(rows, above):
    read = Cells(html_table(rows, ("a", "b"), above=above))
    assert read.tags <= {"p", "table", "tr", "th", "td"}
    assert len(read.rows) == len(rows) + 1
    expected = [text for row in rows for text in row]
    for text, cell in zip(expected, (cell for row in read.rows[1:] for cell in row), strict=True):
        if text.isprintable():
            assert cell == text
        assert "\x1b" not in cell
        assert "\u202e" not in cell


def test_values_show_the_samples_of_either_end():
    per_fold = np.array([[-3.0, 1, 2, 3, 4, 5, 6, 7, 8, 90, 11, 12], [-3.5, 1, 2, 3, 4, 5, 6, 7, 8, 110, 11, 12]])
    metadata = {"method": "influence", "utility": "nats", "model": "<b>logistic"}
    values = assay.Importance(np.arange(100, 112), per_fold.mean(axis=0), per_fold, metadata)
    read = Cells(values._repr_html_())
    assert read.above == "influence of <b>logistic for 12 samples (utility: nats); from least to most useful"
    assert read.rows[0] == ["sample_id", "value", "stderr", "z"]
    assert [row[0] for row in read.rows[1:]] == [str(values.sample_id[i]) for i in [*values.order()[:5], *values.order()[-5:]]]
    assert read.rows[1] == ["100", "-3.25", "0.25", "-13"]  # the median error is 0: z = -3.25 / 0.25
    few = assay.Importance(np.arange(3), np.array([0.5, 0.25, 1.0]))
    assert [row[:2] for row in Cells(few._repr_html_()).rows[1:]] == [["1", "0.25"], ["0", "0.5"], ["2", "1"]]


def test_a_scoreboard_shows_its_best_system_first():
    board = make_benchmark(requests=50).scores
    read = Cells(board._repr_html_())
    assert read.above == f"{len(board.systems)} systems on 50 requests of {board.users} users; means"
    assert read.rows[0] == ["system", *board.measures]
    best = board.systems[int(board.means(board.measures[0]).argmax())]
    assert read.rows[1][:2] == [best, f"{board.means(board.measures[0]).max():.4g}"]
    assert {row[0] for row in read.rows[1:]} == set(board.systems)


def test_what_is_found_planned_and_kept_shows_itself(tmp_path):
    pool = make_benchmark(requests=300)
    scores = pool.scores.of(pool.measures[0])
    kept = assay.freeze(pool, tmp_path / "shop-1")
    assert [row[0] for row in Cells(kept._repr_html_()).rows][:3] == ["benchmark", "folder", "requests"]
    assert ["requests", "300"] in Cells(pool._repr_html_()).rows
    plan = assay.plan_difference(scores, 0.05)
    assert html.unescape(plan._repr_html_()) == f"<p>{plan}</p>"
    chosen = assay.represent(pool.requests, 50)
    read = Cells(chosen._repr_html_())
    assert read.above.startswith("50 requests chosen.")
    assert len(read.rows) == chosen.shares.num_rows + 1
    advice = assay.choose_measures(pool.scores, resamples=20)
    assert f"decide on {advice.decide}" in Cells(advice._repr_html_()).above
    assert len(Cells(advice._repr_html_()).rows) == len(pool.scores.measures) + 1
    small = assay.compact(scores, budget=40)
    assert ["drawn", "40 of 300 requests"] in Cells(small._repr_html_()).rows
    asked = pa.array(np.full(300, "2024-05-01T12:00:00", "datetime64[us]"))
    requests = pool.requests.append_column("timestamp", asked)
    found = assay.audit(assay.Evidence(requests=requests, truth=pool.truth, candidates=pool.candidates))
    assert len(Cells(found._repr_html_()).rows) == len(found.findings) + 1


@pytest.mark.parametrize("name", ["Importance", "Run", "Scoreboard", "Benchmark"])
def test_public_classes_show_themselves(name):
    assert callable(getattr(assay, name)._repr_html_)
