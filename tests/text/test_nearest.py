import os
import subprocess
import sys

import numpy as np
import pytest

from assay.text.nearest import Approximate, Exact


def unit(n, d=48, seed=0):
    rng = np.random.default_rng([n, seed])
    made = rng.standard_normal((n, d)) + 2 * rng.standard_normal((20, d))[rng.integers(20, size=n)]  # twenty clusters
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def test_exact_is_a_sort_of_all_similarities():
    vectors, queries = unit(200), unit(130)
    found = Exact(vectors).search(queries, 7)
    similarity = queries.astype(np.float64) @ vectors.T.astype(np.float64)
    np.testing.assert_allclose(found.scores, np.maximum(-np.sort(-similarity)[:, :7], 0), atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(similarity, found.places, 1), found.scores, atol=1e-6)


def test_the_opposite_the_orthogonal_and_nothing_are_not_near():
    found = Exact(np.array([[1, 0], [-1, 0], [0, 1]], np.float32)).search(np.array([[1, 0], [0, 0]], np.float32), 3)
    assert found.places.tolist() == [[0, -1, -1], [-1, -1, -1]]


class TestApproximate:
    @pytest.fixture(autouse=True)
    def _extra(self):
        pytest.importorskip("faiss")

    def test_it_finds_nearly_all_of_the_nearest(self):
        vectors, queries = unit(3_000), unit(100)
        found, wanted = (kind(vectors).search(queries, 100) for kind in (Approximate, Exact))
        shared = [len(set(a) & set(b)) for a, b in zip(found.places.tolist(), wanted.places.tolist(), strict=True)]
        assert np.mean(shared) > 98
        assert (np.diff(found.scores) <= 0).all()
        np.testing.assert_allclose(found.scores, (queries[:, None] * vectors[found.places]).sum(-1), atol=1e-6)

    @pytest.mark.slow
    def test_the_same_vectors_make_the_same_file_whatever_the_threads(self, tmp_path):
        script = "import sys; from pathlib import Path; from assay.text.nearest import Approximate; "
        script += "from tests.text.test_nearest import unit; Approximate(unit(2_000)).save(Path(sys.argv[1]))"
        for threads in "12":
            subprocess.run(
                [sys.executable, "-c", script, tmp_path / threads], check=True, env=os.environ | {"OMP_NUM_THREADS": threads}
            )
        assert (tmp_path / "1/cells.faiss").read_bytes() == (tmp_path / "2/cells.faiss").read_bytes()

    def test_what_was_saved_answers_alike(self, tmp_path):
        vectors, queries = unit(500), unit(20)
        made = Approximate(vectors)
        made.save(tmp_path)
        np.testing.assert_array_equal(Approximate.load(tmp_path).search(queries, 9).places, made.search(queries, 9).places)
        (tmp_path / "cells.faiss").write_bytes(b"nothing of the kind")
        with pytest.raises(ValueError, match=r"cells\.faiss"):
            Approximate.load(tmp_path)

    def test_more_are_asked_for_than_there_are(self):
        assert (Approximate(unit(3)).search(unit(1), 8).places >= 0).sum() <= 3
        assert (Approximate(unit(3)).search(np.zeros((1, 48), np.float32), 8).places == -1).all()
