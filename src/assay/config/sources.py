"""Where logs and tables come from, and how they are written: the sections of the config that name files and databases."""

import codecs
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from assay import presets
from assay.config.section import ConfigSection, Name


class Dialect(ConfigSection):
    """How the rows of a file are written, where its name and content do not say."""

    _part: ClassVar[str]  # of presets

    preset: str | None = None  # of a well-known log: its keys stand for what is not given here
    format: str | None = None  # csv, tsv, jsonl, parquet, xlsx, or package.module:Class of your own; default: from the name
    delimiter: str | None = Field(None, min_length=1)  # default: "," for csv, tab for tsv
    quote: str = Field('"', max_length=1)  # of csv and tsv; "" where no field is quoted
    names: list[str] | None = None  # of the columns, where the file has no header
    encoding: str | None = None  # of text; default: UTF-8, or UTF-16 where the file begins with its mark
    decimal: Literal[".", ","] = "."  # of numbers; with "," a point separates thousands
    null_words: list[str] = ["NA", "NULL", "null", r"\N", "nan", "NaN", "None"]  # in text: unknown, as an empty field is
    sheet: str | None = None  # of a workbook; default: the first

    @model_validator(mode="before")
    @classmethod
    def _of_preset(cls, content: Any) -> Any:
        """The section with what its preset says."""
        return presets.filled(content, cls._part) if isinstance(content, Mapping) and content.get("preset") else content

    @model_validator(mode="after")
    def _readable(self) -> "Dialect":
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except (LookupError, ValueError):
                raise ValueError(
                    f"encoding: unknown {self.encoding!r}; say for example 'gb18030', 'cp1252' or 'utf-16'"
                ) from None
        for name in self.names or []:
            if self.names is not None and self.names.count(name) > 1:
                raise ValueError(f"names: {name!r} is there twice; every column needs a name of its own")
        return self


STORES = ("s3://", "gs://", "gcs://", "abfs://", "abfss://", "hdfs://")  # of objects, which pyarrow.fs reads


class SourceSection(Dialect):
    """Where a table comes from: files (path, glob or list of them), objects of a store, or a database."""

    path: str | list[str] | None = None
    sql: str | None = None  # a SELECT over the files: each is a table under its name, all of them together are `files`
    url: str | None = None  # mysql://, postgresql:// or sqlite:///; the password may come from password_env
    password_env: str | None = None
    table: str | None = None
    query: str | None = None  # a single SELECT
    grows_by: str | None = None  # a column that only grows: later runs read only rows beyond its last value

    @property
    def paths(self) -> list[str]:
        """What `path` names, as a list."""
        return [self.path] if isinstance(self.path, str) else self.path or []

    @model_validator(mode="after")
    def _one_place(self) -> "SourceSection":
        if (self.path is None) == (self.url is None):
            raise ValueError("give either path or url")
        if any("://" in path and not path.startswith(STORES) for path in self.paths):
            raise ValueError("path names files or objects (s3://, gs://, abfs://, hdfs://); write a database's address as url")
        if self.url is not None and (self.table is None) == (self.query is None):
            raise ValueError("a url needs either table or query")
        if self.url is not None and self.sql is not None:
            raise ValueError("sql reads files; of a database say query")
        return self


class Events(SourceSection):
    """Events: `columns` maps canonical names (tables.EVENTS, and `amount`: money for the line) to the source's."""

    _part = "events"

    columns: dict[str, str]
    event: str | None = None  # the kind of every row, where there is no column of kinds
    kinds: dict[str, str] = {}  # value in the event column -> kind
    own_kinds: dict[
        Name, str
    ] = {}  # kinds of your own -> an SQL condition on an event that makes it one, or "" where none is needed
    time_zone: str = "UTC"  # of times that carry no offset
    time_format: str | None = None  # strptime format, or "epoch_s", "epoch_ms", "epoch_us", "epoch_ns"
    no_times: bool = False  # the log has none: every event gets a day by chance
    minor_units: int = Field(2, ge=0, le=6)  # decimals of the currency


class Items(SourceSection):
    """Items: `columns` maps item_id, name, department, category, brand, image (a picture's address) to the source's columns.

    A list of columns is joined by a space.
    """

    _part = "items"

    columns: dict[str, str | list[str]]
    repeats: Literal["refuse", "last"] = "refuse"  # an item in several rows: an error, or the last value of each column counts


class Users(SourceSection):
    """Users: `columns` maps user_id and any attribute to the source's columns."""

    _part = "users"

    columns: dict[str, str]


class OwnTable(Dialect):
    """Entry for teams that have a feature table already: one row per labelled sample."""

    _part = "table"

    path: str
    label: str  # a column of 0 and 1, or of true and false; of grades or amounts, where `labels` says so
    labels: Literal["binary", "graded", "continuous"] = "binary"
    positive: str | None = None  # an SQL condition on a row's columns that makes it a positive: "rating >= 4"
    key: str | None = None
    timestamp: str | None = None
    split: str | None = None  # a column that names each row's split, in place of a time
    random_split: str | None = None  # a column: rows with one value of it fall into one split by chance; "": each row by itself
    user: str | None = None
    item: str | None = None
    request: str | None = None
    weight: str | None = None
    numeric: list[str] = []
    categorical: list[str] = []

    @model_validator(mode="after")
    def _one_split(self) -> "OwnTable":
        if sum(way is not None for way in (self.timestamp, self.split, self.random_split)) > 1:
            raise ValueError("give one of timestamp, split and random_split: each says which split a row is in")
        if self.positive is not None and self.labels != "binary":
            raise ValueError("positive makes labels of 0 and 1; leave it or labels out")
        return self
