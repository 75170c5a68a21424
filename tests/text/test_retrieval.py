import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InputError
from assay.text import vectors as dense
from assay.text.ranked import Ranked
from assay.text.retrieval import LONGEST_QUERY, Retrieval, fuse
from assay.text.vectors import VectorIndex
from tests.text.embedders import Counting

ITEMS = [
    "苹果手机",
    "有机 苹果汁 1L",
    "apple juice organic",
    "apple juice",
    "rye bread",
    "",
    "apple juice",
    "עוגת תפוחים",
    "👩‍👩‍👧 pack",
]


def test_chinese_words_count_more_than_shared_characters():
    found = Retrieval().fit(ITEMS).search(["有机苹果汁"], 2)
    assert found.items.tolist() == [[1, 0]]
    assert found.ranks["words"].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("organic apple", 2),
        ("aple juise", 3),
        ("ORGANIC", 2),
        ("תפוחים", 7),
        ("👩‍👩‍👧", 8),
        ("苹果 rye", 4),
        ("bread " * 2_000, 4),
    ],
)
def test_what_people_type_finds_what_they_mean(query, first):
    assert Retrieval().fit(ITEMS).search([query], 3).items[0, 0] == first


def test_fusion_by_hand():
    lists = {"words": Ranked(np.array([[4, 2, 9]]), np.ones((1, 3))), "vectors": Ranked(np.array([[2, 7, -1]]), np.ones((1, 3)))}
    found = fuse(lists, 5)
    assert found.items.tolist() == [[2, 4, 7, 9, -1]]
    np.testing.assert_allclose(found.scores, [[1 / 62 + 1 / 61, 1 / 61, 1 / 62, 1 / 63, 0]], rtol=1e-15)
    assert found.ranks["words"].tolist() == [[2, 1, 0, 3, 0]]
    assert found.ranks["vectors"].tolist() == [[1, 0, 2, 0, 0]]


def test_ties_of_the_fused_go_to_the_first_place():
    lists = {name: Ranked(np.array([places]), np.ones((1, 2))) for name, places in (("words", [8, 3]), ("vectors", [3, 8]))}
    assert fuse(lists, 2).items.tolist() == [[3, 8]]


@given(st.lists(st.text("abc 苹", max_size=5), min_size=1, max_size=12), st.text("abc苹", min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_lists_are_in_order_hold_no_item_twice_and_equal_texts_by_place(texts, query):
    found = Retrieval(Counting()).fit(texts).search([query], 12)
    items = found.items[0][found.items[0] >= 0].tolist()
    assert len(set(items)) == len(items)
    assert (np.diff(found.scores[0]) <= 0).all()
    assert ((found.items >= 0) == (found.scores > 0)).all()
    for text in set(texts):
        same = [place for place in items if texts[place] == text]
        assert same == sorted(same)
    ranked = sum(np.where(r > 0, 1 / (60.0 + r), 0) for r in found.ranks.values())
    np.testing.assert_allclose(ranked, found.scores, rtol=1e-15)


def test_equal_texts_share_a_vector_and_all_are_found():
    inner = Counting()
    found = VectorIndex(inner).fit(["aab", "cc", "aab", "ab", "aab"]).search(["aab"], 4)
    assert found.places.tolist() == [[0, 2, 4, 3]]
    assert inner.asked == ["aab", "cc", "ab", "aab"]


def test_fewer_items_than_asked_for_and_none():
    found = Retrieval().fit(["rye bread"]).search(["bread", "zzz"], 3)
    assert found.items.tolist() == [[0, -1, -1], [-1, -1, -1]]
    assert Retrieval().fit(["a"]).search([], 3).items.shape == (0, 3)
    with pytest.raises(InputError, match="no item text"):
        Retrieval().fit([])


@pytest.mark.parametrize("query", ["", " \t\n\u3000"])
def test_an_empty_query_is_named(query):
    with pytest.raises(InputError, match="query 2 of 2 is empty"):
        Retrieval().fit(ITEMS).search(["bread", query])


@pytest.mark.parametrize("query", ["?!", "\0", "\ud800", "\u200f", "e\u0301" * 5_000, "👩‍👩‍👧" * 5_000, "苹果" * 5_000])
def test_no_query_breaks_it(query):
    assert Retrieval().fit(ITEMS).search([query], 3).items.shape == (1, 3)


def test_a_query_is_read_up_to_the_limit():
    index = Retrieval().fit(ITEMS)
    assert index.search(["  " * LONGEST_QUERY + "bread"]).items[0, 0] == 4
    assert index.search(["?" * LONGEST_QUERY + " bread"]).items[0, 0] == -1


class TestSaved:
    @pytest.mark.slow
    def test_it_answers_alike_and_has_the_same_bytes(self, tmp_path):
        queries = ["apple", "苹果", "bread juice"]
        script = "import sys; from assay.text.retrieval import Retrieval; from tests.text.test_retrieval import ITEMS; "
        script += "Retrieval().fit(ITEMS).save(sys.argv[1])"  # another process: Python hashes words anew there
        subprocess.run([sys.executable, "-c", script, str(tmp_path / "b")], check=True)
        made = Retrieval(depth=4).fit(ITEMS)
        made.save(tmp_path / "a")
        loaded, wanted = Retrieval.load(tmp_path / "a").search(queries), made.search(queries)
        np.testing.assert_array_equal(loaded.items, wanted.items)
        np.testing.assert_array_equal(loaded.scores, wanted.scores)
        files = {path.name for path in (tmp_path / "a").iterdir()}
        assert {path.name for path in (tmp_path / "b").iterdir()} == files
        for name in files - {"retrieval.json"}:  # depths differ
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name

    def test_a_models_index_asks_for_the_model(self, tmp_path, monkeypatch):
        Retrieval(Counting()).fit(ITEMS).save(tmp_path)
        assert Retrieval.load(tmp_path, Counting()).search(["abc"]).items[0, 0] >= 0
        with pytest.raises(InputError, match="vectors by counting; give that embedder"):
            Retrieval.load(tmp_path)
        monkeypatch.setattr(Counting, "name", "another")
        with pytest.raises(InputError, match="by counting, not by another"):
            Retrieval.load(tmp_path, Counting())

    @pytest.mark.parametrize(
        "missing", ["retrieval.json", "of_text.npy", "vectors.npy", "bm25.json", "ngrams.json", "data.csc.index.npy"]
    )
    def test_a_folder_without_a_part_is_no_index(self, tmp_path, missing):
        Retrieval().fit(ITEMS).save(tmp_path)
        (tmp_path / missing).unlink()
        with pytest.raises(InputError, match="not a whole index of texts"):
            Retrieval.load(tmp_path)

    def test_what_a_kill_leaves_is_no_index(self, tmp_path, monkeypatch):
        index = Retrieval().fit(ITEMS)
        index.save(tmp_path)
        monkeypatch.setattr(VectorIndex, "save", lambda self, folder: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            index.save(tmp_path)
        with pytest.raises(InputError, match="not a whole index"):
            Retrieval.load(tmp_path)

    def test_cells_are_kept_too(self, tmp_path, monkeypatch):
        pytest.importorskip("faiss")
        monkeypatch.setattr(dense, "EXACT_UP_TO", 3)
        Retrieval(Counting()).fit(ITEMS).save(tmp_path)
        assert (tmp_path / "cells.faiss").exists()
        assert Retrieval.load(tmp_path, Counting()).search(["abc"]).items[0, 0] >= 0
        (tmp_path / "cells.faiss").write_bytes(b"")
        with pytest.raises(InputError, match="not a whole index"):
            Retrieval.load(tmp_path, Counting())


def test_many_vectors_of_a_model_need_the_extra(monkeypatch):
    monkeypatch.setattr(dense, "EXACT_UP_TO", 3)
    monkeypatch.setattr("assay.text.nearest.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'assay\[text\]'"):
        Retrieval(Counting()).fit(ITEMS)
    assert Retrieval().fit(ITEMS).search(["bread"]).items[0, 0] == 4  # n-grams do not
