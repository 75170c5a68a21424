import multiprocessing
import os
import signal
import sqlite3

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import InputError
from assay.text import cache
from assay.text.cache import Cached
from tests.text.embedders import Counting


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.text(st.characters(), max_size=4), max_size=12), st.booleans())
def test_vectors_are_the_embedders_and_a_text_is_embedded_once(tmp_path, texts, query):
    inner = Counting()
    wanted = Counting().embed(texts, query=query)
    for _ in range(2):
        np.testing.assert_array_equal(Cached(inner, tmp_path).embed(texts, query=query), wanted)
    assert len(inner.asked) == len(set(inner.asked))
    assert set(inner.asked) <= set(texts)


def test_query_item_and_models_are_kept_apart(tmp_path):
    inner = Counting()
    cached = Cached(inner, tmp_path)
    assert not np.array_equal(cached.embed(["abba"]), cached.embed(["abba"], query=True))
    inner.name = "another"
    cached.embed(["abba"])
    assert inner.asked == ["abba"] * 3
    assert (cached.name, cached.dimensions) == ("another", 8)


class Dying(Counting):
    """Is killed in the second block that it is asked for, as kill -9 would."""

    def embed(self, texts, *, query=False):
        if self.asked:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed(texts, query=query)


def embed(inner, folder, texts, block=3):
    cache.BLOCK = block
    Cached(inner, folder).embed(texts)


TEXTS = [f"{'ab' * k}{'c' * (k % 7)}" for k in range(60)]


def test_a_kill_loses_one_block(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=embed, args=(Dying(), tmp_path, TEXTS))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    inner = Counting()
    np.testing.assert_array_equal(Cached(inner, tmp_path).embed(TEXTS), Counting().embed(TEXTS))
    assert inner.asked == TEXTS[3:]


def test_two_processes_write_at_once(tmp_path):
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=embed, args=(Counting(), tmp_path, texts)) for texts in (TEXTS, TEXTS[::-1], TEXTS[20:])]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    inner = Counting()
    np.testing.assert_array_equal(Cached(inner, tmp_path).embed(TEXTS), Counting().embed(TEXTS))
    assert inner.asked == []
    with sqlite3.connect(tmp_path / cache.FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_file_that_is_no_cache_is_named(tmp_path):
    (tmp_path / cache.FILE).write_text("not SQLite's, and long enough to be told from an empty file" * 10)
    with pytest.raises(InputError, match=r"vectors\.sqlite: cannot keep vectors there \(.*\); .*delete"):
        Cached(Counting(), tmp_path).embed(["a"])
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot keep vectors there"):
        Cached(Counting(), tmp_path / "file").embed(["a"])
