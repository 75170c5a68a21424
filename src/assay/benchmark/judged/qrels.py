"""TREC's qrels: lines `topic 0 item grade`, and beside them a topics file, lines of topic and query parted by a tab.

Source: trec_eval's README ("qrels"), https://github.com/usnistgov/trec_eval; topics as in MS MARCO's queries.tsv. A topic is a
number, since queries have blanks.
"""

from pathlib import Path

import pyarrow as pa

from assay.benchmark.judged.pairs import PAIRS, by_query, table_of
from assay.benchmark.trec import qrels
from assay.errors import InputError, SourceError
from assay.runs.store import write_text


def topics_path(path: Path) -> Path:
    """The topics file that belongs to a file of qrels."""
    return path.with_name(f"{path.stem}.topics.tsv")


def write(table: pa.Table, path: Path) -> list[Path]:
    """Write PAIRS; return the two files. InputError: an item id has a blank, or a query a tab or the end of a line."""
    judged = by_query(table)
    for items in judged.values():
        for item, _ in items:
            if item.split() != [item]:
                raise InputError(f"qrels are parted by blanks, and the item id {item!r} has one; take another format")
    for query in judged:
        if "\t" in query or query.splitlines() != [query]:
            raise InputError(f"a topics file is lines parted by tabs, and the query {query!r} has one; take another format")
    topics = {query: number for number, query in enumerate(judged, 1)}
    write_text(topics_path(path), "".join(f"{number}\t{query}\n" for query, number in topics.items()))
    lines = (f"{topics[query]} 0 {item} {grade}\n" for query, items in judged.items() for item, grade in items)
    write_text(path, "".join(lines))
    return [path, topics_path(path)]


def read(path: Path) -> pa.Table:
    """PAIRS of a file; where no topics file lies beside it, a topic stands for its query. SourceError: neither is TREC's."""
    table = qrels(path).rename_columns(PAIRS)
    if not topics_path(path).exists():
        return table
    topics = _topics(topics_path(path))
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return table_of((_query(topics, topic, path), item, grade) for topic, item, grade in rows)


def _topics(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error}); give a text file in UTF-8") from None
    parts = [line.split("\t") for line in lines if line]
    for number, fields in enumerate(parts, 1):
        if len(fields) != 2:
            raise SourceError(f"{path}: topic {number} has {len(fields)} fields; a topic is a number, a tab and its query")
    return dict(parts)


def _query(topics: dict[str, str], topic: str, path: Path) -> str:
    if topic not in topics:
        raise SourceError(f"{path}: topic {topic!r} is not in {topics_path(path).name}; add it there, or take that file away")
    return topics[topic]
