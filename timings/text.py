"""Is a text embedded once and at the library's own speed, and is a product found in five milliseconds?

python timings/text.py [FOLDER]   FOLDER keeps the products' vectors, so that only the first time takes long

Searches the 92,331 products of Complete Journey, 20,770 distinct texts, for their product types; and as many distinct vectors, a
little noise added to each product's, since an index holds equal texts once. Then embeds 10,000 distinct texts by
sentence-transformers alone and by ours with nothing and with everything kept. Needs the extras demo and text.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assay.app.demo import data_folder
from assay.errors import InputError
from assay.text.bm25 import Bm25
from assay.text.cache import Cached
from assay.text.embed import Embedder
from assay.text.named import embedder
from assay.text.nearest import Approximate, Exact
from assay.text.ngrams import NGrams
from assay.text.retrieval import Retrieval
from assay.text.vectors import VectorIndex

TEXTS, QUERIES, DEEP, NOISE = 10_000, 500, 100, 0.3


def products(count: int | None) -> tuple[list[str], list[str]]:
    """Texts (N,) of products, and their distinct product types."""
    columns = ["product_type", "package_size", "department", "product_category", "brand"]
    rows = pq.read_table(data_folder() / "products.parquet", columns=columns).slice(0, count).to_pylist()
    names = [" ".join(row[name] for name in columns if row[name] is not None) for row in rows]
    return names, sorted({row["product_type"] for row in rows if row["product_type"]})


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def line(what: str, measured: str, target: str = "", reached: bool | None = None) -> None:
    verdict = "" if reached is None else "reached" if reached else "missed"
    print(f"{what:<58}{measured:<34}{target:<16}{verdict}", flush=True)


def embedding(model: Any, texts: list[str]) -> None:
    """The library alone and ours with nothing kept, in turns of a fifth each; then ours with everything kept."""
    library = model._model
    library.encode(texts[:64])  # the first call prepares
    alone = first = 0.0
    with tempfile.TemporaryDirectory() as folder:
        cached = Cached(model, folder)
        for part in (texts[start::5] for start in range(5)):
            alone += timed(lambda part=part: library.encode(part, normalize_embeddings=True, show_progress_bar=False))[0]
            first += timed(lambda part=part: cached.embed(part))[0]
        second, _ = timed(lambda: Cached(model, folder).embed(texts))
    n = f"{len(texts):,} distinct texts embedded"
    line(f"{n}: the library alone", f"{alone:.1f} s")
    line(f"{n}: ours, nothing kept", f"{first:.1f} s, {first / alone:.2f} times as long", "1.05 times", first / alone <= 1.05)
    line(f"{n}: ours, all kept", f"{second:.2f} s", "1 s", second <= 1)


def a_query(search: Callable[[Any], Any], queries: list[Any]) -> tuple[float, float]:
    """Mean and 99th percentile of the milliseconds that one query takes alone."""
    search(queries[0])
    spent = [1000 * timed(lambda query=query: search(query))[0] for query in queries]
    return float(np.mean(spent)), float(np.quantile(spent, 0.99))


def nearest(model: Embedder, texts: list[str], queries: list[str]) -> None:
    """The inverted file beside the exact comparison: the products' distinct texts, then a distinct vector a product."""
    asked = list(model.embed(queries, query=True)[:, None])
    compare(model.embed(list(dict.fromkeys(texts))), asked)
    vectors = model.embed(texts)
    vectors += np.random.default_rng(0).normal(0, NOISE / vectors.shape[1] ** 0.5, vectors.shape).astype(np.float32)
    compare(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), asked)


def compare(vectors: NDArray[np.float32], asked: list[NDArray[np.float32]]) -> None:
    exact, n = Exact(vectors), f"{len(vectors):,} distinct vectors"
    built, cells = timed(lambda: Approximate(vectors))
    recall = np.mean([np.isin(cells.search(q, DEEP).places, exact.search(q, DEEP).places).mean() for q in asked])
    line(f"{n}: inverted file built, one thread", f"{built:.1f} s")
    line(f"{n}: recall@{DEEP} of it", f"{recall:.4f}", ".98", bool(recall >= 0.98))
    mean, late = a_query(lambda q: cells.search(q, DEEP), asked)
    line(f"{n}: the first {DEEP} by it", f"{mean:.2f} ms a query, p99 {late:.2f}", "5 ms", mean <= 5)
    mean, late = a_query(lambda q: exact.search(q, DEEP), asked)
    line(f"{n}: the first {DEEP} exactly", f"{mean:.2f} ms a query, p99 {late:.2f}")


def sources(texts: list[str], queries: list[str]) -> None:
    """What needs no extra."""
    for name, source in (("BM25", Bm25()), ("n-grams", VectorIndex(NGrams()))):
        built, index = timed(lambda source=source: source.fit(texts))
        mean, late = a_query(lambda q, index=index: index.search([q], DEEP), queries)
        line(f"{name} of {len(texts):,} products: the first {DEEP}", f"{mean:.2f} ms a query, p99 {late:.2f}", "5 ms", mean <= 5)
        line(f"{name}: built", f"{built:.1f} s")


def whole(model: Embedder, cached: Embedder, texts: list[str], queries: list[str]) -> None:
    """A query from its text to a fused list, its vector made anew; the index saved and loaded."""
    with tempfile.TemporaryDirectory() as folder:
        spent, index = timed(lambda: Retrieval(cached).fit(texts))
        index.save(folder)
        loading, index = timed(lambda: Retrieval.load(folder, model))
    mean, late = a_query(lambda q: index.search([q], 10), queries)
    line("the whole index: made with all vectors kept; loaded", f"{spent:.1f} s; {loading:.1f} s")
    line("a query embedded, searched in both and fused", f"{mean:.1f} ms a query, p99 {late:.1f}")


def main(arguments: list[str], texts: int = TEXTS, count: int | None = None, queries: int = QUERIES) -> None:
    names, types = products(count)
    types = types[:: max(1, len(types) // queries)][:queries]
    print(f"{'what':<58}{'measured':<34}{'target':<16}")
    sources(names, types)
    try:
        model = embedder()
        with tempfile.TemporaryDirectory() as folder:
            cached = Cached(model, Path(arguments[0]) if arguments else folder)
            nearest(cached, names, types)
            whole(model, cached, names, types)
        embedding(model, sorted(set(names))[:texts])
    except InputError as error:
        print(error)
    print(f"memory of the whole process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
