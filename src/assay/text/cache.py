"""Vectors kept on disk, so that a text is embedded once in a log's life."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path

import numpy as np

from assay.errors import InputError
from assay.text.embed import Embedder, Vectors
from assay.text.named import embedder

FILE = "vectors.sqlite"
BLOCK = 4096  # texts embedded between two writes: what a kill loses
ASKED = 500  # keys in one question to SQLite
WAIT = 60.0  # seconds for another process to finish its write


class Cached:
    """An embedder whose vectors are kept in `folder`, by the hash (BLAKE2b) of its name and the text as it is given.

    Equal texts are embedded once. The file is SQLite's: a kill loses the block that was being embedded and nothing else, and
    several processes may use it at a time. A query and an item of one text have a vector each.
    """

    def __init__(self, model: Embedder, folder: Path | str) -> None:
        self.model = model
        self.path = Path(folder) / FILE

    @property
    def name(self) -> str:
        """The embedder's."""
        return self.model.name

    @property
    def dimensions(self) -> int:
        """The embedder's."""
        return self.model.dimensions

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """As Embedder says; InputError when the file cannot be read or written, or is none of SQLite's."""
        keys = [self._key(text, query) for text in texts]
        with self._open() as connection:
            cached = dict(_read(connection, list(dict.fromkeys(keys))))
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in cached}
            for block in _blocks(list(missing), BLOCK):
                vectors = self.model.embed([missing[key] for key in block], query=query)
                _write(connection, block, vectors)
                cached.update(zip(block, vectors, strict=True))
        return np.array([cached[key] for key in keys], np.float32).reshape(len(keys), self.dimensions)

    def _key(self, text: str, query: bool) -> bytes:
        content = f"{self.name}\0{query:d}\0{text}".encode("utf-8", "surrogatepass")
        return blake2b(content, digest_size=16).digest()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=WAIT)) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
                yield connection
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"{self.path}: cannot keep vectors there ({error}); free space, or delete it: it is only a cache"
            ) from error


def kept_embedder(name: str, folder: Path) -> Embedder | None:
    """The embedder of a name, its vectors kept in a folder; None for n-grams, which learn from the
    texts. InputError as `embedder`."""
    return None if name == "ngrams" else Cached(embedder(name), folder)


def _read(connection: sqlite3.Connection, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Vectors]]:
    """The keys that are there, with their vectors."""
    for block in _blocks(keys, ASKED):
        question = f"SELECT key, vector FROM vectors WHERE key IN ({', '.join('?' * len(block))})"
        for key, vector in connection.execute(question, block):
            yield key, np.frombuffer(vector, "<f4")


def _write(connection: sqlite3.Connection, keys: Sequence[bytes], vectors: Vectors) -> None:
    """Keep vectors, whole or not at all; what another process has kept meanwhile stays."""
    rows = [(key, vector.astype("<f4").tobytes()) for key, vector in zip(keys, vectors, strict=True)]
    with connection:
        connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)


def _blocks(keys: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))
