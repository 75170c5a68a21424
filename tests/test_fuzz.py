"""Mutated logs, configs and benchmark files: each is read, or refused in a sentence; never a fault of Assay's own."""

import json
import math
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import config
from assay.benchmark import readers
from assay.errors import InputError
from assay.logs import canonical, sources
from assay.logs.cleaning import clean
from assay.logs.collect import collect
from assay.logs.suggest import suggest
from assay.runs.store import Folder

pytestmark = pytest.mark.slow

COLUMNS = ["who", "what", "when", "pieces", "paid", "kind"]
ROWS = [[f"u{k % 5}", f"i{k % 7}", f"2024-01-{1 + k % 28:02d} 10:00:{k % 60:02d}", "1", "2.50", "buy"] for k in range(40)]
SECTION = {
    "columns": dict(zip(["user_id", "item_id", "timestamp", "quantity", "price", "event"], COLUMNS, strict=True)),
    "kinds": {"buy": "purchase"},
}
ODD = [
    "", " ", "NA", r"\N", "nan", "inf", "-inf", "1e400", "-0", "0x10", "1_000", "١٢٣", "二", "🛒" * 50, "שלום", "a\x00b", "a\rb",
    "a\nb", '"', '""', "'", "`", "x" * 70_000, "9" * 400, "-9223372036854775809", "18446744073709551616", "2024-02-30",
    "0000-00-00", "9999-12-31 23:59:59", "-290308-12-22", "294247-01-10", "1970-01-01T00:00:00+99:99", "infinity", "epoch", "{}",
    "[]", "null", "true", "1,5", "1.234,50", "\ufeff", "\x1f", "\u202e", "=1+1", "%", "%Y", "::", "\\", "/", "~", "a.b",
    "2024-01-01 10:00:00+02:00", "NaT", "1e-320", "0.1", "\ud7ff", "\U0010ffff",
]  # fmt: skip
BYTES = [
    b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b"\r", b"\n", b'"', b",", b"\x80", b"\xc3", b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80", b"\x1a",
]  # fmt: skip


def rows_of(rng: random.Random) -> list[list[str]]:
    """The rows with some cells changed, some rows doubled, cut or lengthened."""
    rows = [list(row) for row in ROWS]
    for _ in range(rng.randint(0, 6)):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice(ODD)
    if rng.random() < 0.15:
        rng.choice(rows).append(rng.choice(ODD))
    if rng.random() < 0.1:
        del rng.choice(rows)[-1]
    return rows


def header_of(rng: random.Random) -> list[str]:
    """The header, now and then with another name, one twice, or one less."""
    header = list(COLUMNS)
    if rng.random() < 0.15:
        header[rng.randrange(len(header))] = rng.choice([*ODD[:20], header[0], "who ", "WHO"])
    return header


def broken(content: bytes, rng: random.Random) -> bytes:
    """Bytes with some put in, taken out or changed."""
    content = bytearray(content)
    for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
        at = rng.randrange(len(content) + 1)
        action = rng.randrange(4)
        if action == 0:
            content[at:at] = rng.choice(BYTES)
        elif action == 1:
            del content[at : at + rng.randint(1, 50)]
        elif action == 2:
            content[at : at + 1] = bytes([rng.randrange(256)])
        else:
            content[at:at] = content[max(0, at - 30) : at] * rng.randint(1, 20)
    return bytes(content)


def as_csv(folder: Path, rng: random.Random) -> tuple[Path, dict]:
    delimiter = rng.choice([",", ",", ";", "\t", "|", "::"])

    def cell(text: str) -> str:
        quoted = rng.random() < 0.9 and any(sign in text for sign in '",\n\r;|\t')
        return '"' + text.replace('"', '""') + '"' if quoted else text

    lines = [delimiter.join(map(cell, row)) for row in [header_of(rng), *rows_of(rng)]]
    encoding = rng.choice(["utf-8"] * 8 + ["utf-16", "gb18030", "cp1252", "latin-1"])
    content = rng.choice(["\n", "\n", "\r\n", "\r"]).join(lines).encode(encoding, errors="replace")
    path = folder / "log.csv"
    path.write_bytes(broken(content, rng))
    keys = {"delimiter": delimiter} | ({"encoding": encoding} if rng.random() < 0.5 else {})
    if rng.random() < 0.1:
        keys["quote"] = ""
    if rng.random() < 0.1:
        keys["names"] = header_of(rng)
    if rng.random() < 0.1:
        keys["decimal"] = ","
    return path, keys


def nested(rng: random.Random) -> object:
    """A value of JSON that is no text."""
    deep: object = 1
    for _ in range(rng.choice([1, 2, 50, 500, 3_000])):
        deep = {"a": deep} if rng.random() < 0.5 else [deep]
    return rng.choice([None, True, 1, 1.5, 10**30, [], {}, [1, {"a": None}], math.inf, math.nan, deep])


def as_json(folder: Path, rng: random.Random) -> tuple[Path, dict]:
    objects: list[object] = [dict(zip(COLUMNS, row, strict=False)) for row in rows_of(rng)]
    for _ in range(rng.randint(0, 3)):
        one = rng.choice(objects)
        if isinstance(one, dict):
            one[rng.choice([*COLUMNS, "a/b", "~", "", "a.b"])] = nested(rng)
    if rng.random() < 0.05:
        objects.insert(rng.randrange(len(objects)), nested(rng))
    with suppress(RecursionError):
        lines = [json.dumps(one, ensure_ascii=rng.random() < 0.5) for one in objects]
        text = "[" + ",".join(lines) + "]" if rng.random() < 0.1 else "\n".join(lines)
        path = folder / "log.jsonl"
        path.write_bytes(broken(text.encode(errors="surrogatepass"), rng))
        return path, {}
    return as_json(folder, rng)


def as_parquet(folder: Path, rng: random.Random) -> tuple[Path, dict]:
    columns: dict[str, pa.Array] = {}
    for name, texts in zip(COLUMNS, zip(*ROWS, strict=True), strict=True):
        values: list = list(texts)
        for _ in range(rng.choice([0, 0, 1, 3])):
            values[rng.randrange(len(values))] = rng.choice([None, *ODD])
        array = pa.array(values, pa.string())
        kind = rng.choice(
            [None] * 5 + ["raw", "binary", "dictionary", "float", "struct", "list", "decimal", "uint64", "time", "null", "bool"]
        )
        if kind == "raw":  # text that is not UTF-8
            raw = [b"\xff\xfe" if rng.random() < 0.1 else (v or "").encode(errors="replace") for v in values]
            plain = pa.array(raw, pa.binary())
            array = pa.Array.from_buffers(pa.string(), len(plain), plain.buffers())
        elif kind == "binary":
            array = pa.array([rng.choice([b"\xff", b"a", None]) for _ in values], pa.binary())
        elif kind == "dictionary":
            array = array.dictionary_encode()
        elif kind == "float":
            array = pa.array([rng.choice([1.0, 0.5, 1e300, math.nan, math.inf, None]) for _ in values])
        elif kind == "struct":
            array = pa.array([{"a": v} for v in values])
        elif kind == "list":
            array = pa.array([[v] for v in values])
        elif kind == "decimal":
            array = pa.array([rng.choice([1, 10**30, None]) for _ in values], pa.decimal256(40, 2))
        elif kind == "uint64":
            array = pa.array([rng.choice([1, 2**64 - 1, None]) for _ in values], pa.uint64())
        elif kind == "time":
            array = pa.array(
                [rng.choice([0, 2**62, -(2**62), None]) for _ in values], pa.timestamp(rng.choice(["ms", "us", "ns"]))
            )
        elif kind == "null":
            array = pa.nulls(len(values))
        elif kind == "bool":
            array = pa.array([True] * len(values))
        columns[name] = array
    path = folder / "log.parquet"
    pq.write_table(pa.table(list(columns.values()), names=header_of(rng)), path)
    path.write_bytes(broken(path.read_bytes(), rng) if rng.random() < 0.2 else path.read_bytes())
    return path, {}


def settings_of(rng: random.Random) -> dict:
    """Keys of the section, now and then odd ones."""
    keys: dict = {}
    if rng.random() < 0.2:
        keys["time_format"] = rng.choice(
            ["%Y-%m-%d %H:%M:%S", "%", "%d%", "epoch_s", "epoch_ns", "%Q", "", "%Y" * 50, "\x00", "epoch"]
        )
    if rng.random() < 0.1:
        keys["time_zone"] = rng.choice(["Europe/Rome", "Mars/Olympus", "", "../../etc", "UTC+25"])
    if rng.random() < 0.05:
        keys["null_words"] = rng.choice([[], ["u1"], ["'"]])
    return keys


def read_log(section: dict, run_folder: Path | None) -> None:
    """Read a log: as rows, or cleaned in a run's folder."""
    log = config.parse({"log": {"events": [section]}}).log
    assert log is not None
    if run_folder is not None:
        collect(log, Folder(run_folder))
        clean(config.Clean(most_lost=1), Folder(run_folder))
        return
    for source in sources.open_sources(log.events[0]):
        for _ in canonical.events(source, log.events[0]):
            pass


def propose(path: Path, out: Path) -> None:
    """Write what init proposes, and read it."""
    out.write_text(suggest(path), encoding="utf-8")
    config.read(out)


def read_benchmark(folder: Path, rng: random.Random) -> None:
    """Write truth and predictions, and read them."""
    truth = [f"q{k % 5} 0 d{k} {k % 3}" for k in range(30)]
    run = [f"q{k % 5} Q0 d{k} {k // 5} {30 - k} s" for k in range(30)]
    for lines in (truth, run):
        for _ in range(rng.choice([0, 1, 2])):
            fields = rng.choice(lines).split(" ")
            fields[rng.randrange(len(fields))] = rng.choice([*ODD, "-2", "1e9"])
            lines[rng.randrange(len(lines))] = " ".join(fields)
    (folder / "t.qrels").write_bytes(broken("\n".join(truth).encode(errors="replace"), rng))
    (folder / "s.run").write_bytes(broken("\n".join(run).encode(errors="replace"), rng))
    readers.from_trec(folder / "t.qrels", [folder / "s.run"])


WRITERS = {"csv": as_csv, "json": as_json, "parquet": as_parquet}


def fault(act: Callable[[], object]) -> tuple[str, str] | None:
    """What went wrong in a way that is Assay's own; None where nothing did, or where the input is refused in words."""
    try:
        act()
    except InputError as error:
        return None if str(error).strip() else ("InputError", "without words")
    except Exception as error:
        return type(error).__name__, str(error)[:200]
    return None


def folder_of(parent: Path, seed: int) -> Path:
    (parent / str(seed)).mkdir()
    return parent / str(seed)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("part", range(2))
def test_mutated_logs_are_read_or_refused(kind, part, tmp_path):
    faults = {}
    for seed in range(part * 280, (part + 1) * 280):
        rng, folder = random.Random(f"{kind}-{seed}"), folder_of(tmp_path, seed)
        path, keys = WRITERS[kind](folder, rng)
        section = {"path": str(path), **SECTION, **keys, **settings_of(rng)}
        to_the_end = folder / "run" if seed % 7 == 0 else None
        faults[seed] = fault(lambda section=section, to_the_end=to_the_end: read_log(section, to_the_end))
    assert {seed: what for seed, what in faults.items() if what} == {}


@pytest.mark.parametrize("kind", WRITERS)
def test_init_proposes_something_for_mutated_logs_or_refuses(kind, tmp_path):
    faults = {}
    for seed in range(110):
        folder = folder_of(tmp_path, seed)
        path, _ = WRITERS[kind](folder, random.Random(f"init-{kind}-{seed}"))
        faults[seed] = fault(lambda path=path, out=folder / "i.toml": propose(path, out))
    assert {seed: what for seed, what in faults.items() if what} == {}


@pytest.mark.parametrize("part", range(2))
def test_mutated_benchmark_files_are_read_or_refused(part, tmp_path):
    faults = {}
    for seed in range(part * 150, (part + 1) * 150):
        rng, folder = random.Random(f"benchmark-{seed}"), folder_of(tmp_path, seed)
        faults[seed] = fault(lambda folder=folder, rng=rng: read_benchmark(folder, rng))
    assert {seed: what for seed, what in faults.items() if what} == {}
