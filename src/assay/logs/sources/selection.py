"""A SELECT of the user's own over files, for what no mapping of columns can say."""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pyarrow as pa

from assay import config, engines
from assay.engines.duckdb import OverFiles
from assay.engines.engine import EngineError, identifier, literal
from assay.errors import ConfigError, SourceError
from assay.logs.sources.base import BATCH_ROWS, check_columns, not_read
from assay.logs.sources.encodings import marked, text
from assay.logs.sources.places import Place

TOGETHER = "files"


class Selection:
    """The rows of a SELECT in DuckDB's SQL. Each file is a table under its name without the ending, all of them one below the
    other are the table `files`. Nothing but these files can be read, and nothing be written. Rows come in order of their values,
    so that they come alike however many threads there are. CSV is read as text, JSON and Parquet with their types.
    """

    def __init__(self, section: config.SourceSection, formats: Mapping[Place, str]) -> None:
        assert section.sql is not None
        self.section, self.formats = section, formats
        self.name, self.first_row = f"sql over {', '.join(place.name for place in formats)}"[:200], 1

    def rows(self) -> int | None:
        """Unknown until read."""
        return None

    def columns(self) -> list[str]:
        """Columns of the result."""
        with self._opened() as (engine, select):
            try:
                return list(engine.table(f"SELECT * FROM ({select}) AS selected LIMIT 0").column_names)
            except EngineError as error:
                raise self._fault(error) from None

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The columns, typed."""
        check_columns(self.name, columns, self.columns())
        with self._opened() as (engine, select):
            chosen = ", ".join(f'{identifier(column)} AS "{k}"' for k, column in enumerate(columns))
            try:
                yield from engine.batches(f"SELECT {chosen} FROM ({select}) AS selected ORDER BY ALL", BATCH_ROWS)
            except (EngineError, pa.ArrowException, OSError) as error:
                raise self._fault(error) from None

    def _fault(self, error: Exception) -> SourceError:
        return SourceError(f"{self.name}: {' '.join(str(error).split())[:300]}; check sql in the config")

    @contextmanager
    def _opened(self) -> Iterator[tuple[OverFiles, str]]:
        """An engine that sees the files and nothing else, and the SELECT."""
        with ExitStack() as stack:
            paths = {place: stack.enter_context(self._utf8(place)) for place in self.formats}
            try:
                engine = stack.enter_context(closing(engines.over_files(list(paths.values()))))
                select = engine.only_select(self.section.sql or "")
                scans = {place: _scan(paths[place], kind, self.section, place) for place, kind in self.formats.items()}
                for name, scan in _tables(scans).items():
                    engine.view(name, scan)
            except EngineError as error:
                raise self._fault(error) from None
            yield engine, select

    @contextmanager
    def _utf8(self, place: Place) -> Iterator[Path]:
        """A path of this machine with the file's content; text in another encoding is a copy in UTF-8."""
        place.require()
        encoding = self.section.encoding or (marked(place) if self.formats[place] != "parquet" else None)
        if encoding is None:
            with place.local() as path:
                yield path
            return
        with tempfile.TemporaryDirectory(prefix="assay-") as folder:
            path = Path(folder) / place.file
            try:
                with text(place, encoding) as source, path.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 22)
            except (pa.ArrowException, OSError, UnicodeError) as error:
                raise not_read(self.name, error) from None
            yield path


def _tables(scans: Mapping[Place, str]) -> dict[str, str]:
    """The SELECT of each table: of the files under their names, of several of one name together, and of all."""
    named: dict[str, list[str]] = {}
    for place, scan in scans.items():
        name = re.sub(r"\.\w+$", "", place.file)
        named.setdefault(name, []).append(scan)
    return {name: " UNION ALL BY NAME ".join(each) for name, each in named.items()} | {
        TOGETHER: " UNION ALL BY NAME ".join(scans.values())
    }


def _scan(path: Path, kind: str, dialect: config.Dialect, place: Place) -> str:
    """A SELECT of a file's rows."""
    file = literal(str(path))
    if kind == "parquet":
        return f"SELECT * FROM read_parquet({file})"
    if kind == "jsonl":
        return f"SELECT * FROM read_json({file}, sample_size = -1, maximum_object_size = 67108864)"
    if kind not in ("csv", "tsv"):
        raise ConfigError(f"sql: {place.name}: reads csv, tsv, jsonl and parquet, not {kind}; save it as one of them")
    settings = [f"delim = {literal(dialect.delimiter or (',' if kind == 'csv' else chr(9)))}"]
    settings += [f"quote = {literal(dialect.quote)}, escape = {literal(dialect.quote)}"]
    if dialect.names is not None:
        settings += [f"header = false, names = [{', '.join(map(literal, dialect.names))}]"]
    else:
        settings += ["header = true"]
    return f"SELECT * FROM read_csv({file}, all_varchar = true, auto_detect = true, nullstr = '', {', '.join(settings)})"
