"""A user's SELECT, read into a tree and written again: nothing else than what was understood reaches a server.

Comments and hints are left out: MySQL and MariaDB run some comments as code. The dialects here keep every
function under the name that the user wrote, so that the server computes what it would have for the user's own text.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import sqlglot
from sqlglot import Dialect, exp, generator
from sqlglot.dialects.mysql import MySQL
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import SqlglotError, UnsupportedError
from sqlglot.generators.mysql import MySQLGenerator
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.generators.sqlite import SQLiteGenerator
from sqlglot.parsers.mysql import MySQLParser
from sqlglot.parsers.postgres import PostgresParser
from sqlglot.parsers.sqlite import SQLiteParser
from sqlglot.tokenizer_core import TokenType

from assay.engines.functions import HARMLESS
from assay.errors import ConfigError, did_you_mean

Parsers = dict[str, Callable[..., Any]]
HINT = "use table to read a whole table or view"
# What may not stand anywhere in a query: what writes, defines, locks, counts a sequence on, or was not understood.
REFUSED = (exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Command, exp.Drop, exp.NextValueFor, exp.Set, exp.Pragma)
# Functions whose arguments have a syntax of their own; all others are read and written as name(arguments).
SYNTAX = {
    "mysql": "CAST CHAR CONVERT EXTRACT GROUP_CONCAT JSON_OBJECTAGG JSON_TABLE JSON_VALUE MATCH POSITION SUBSTR SUBSTRING TRIM",
    "postgresql": "CAST EXTRACT NORMALIZE OVERLAY POSITION STRING_AGG SUBSTRING TRIM XMLELEMENT XMLTABLE",
    "sqlite": "CAST GROUP_CONCAT STRING_AGG",
}


def _own_syntax(parsers: Parsers, dialect: str) -> Parsers:
    """Of a dialect's parsers of functions those in SYNTAX."""
    return {name: parsers[name] for name in SYNTAX[dialect].split()}


class _MySQLParser(MySQLParser):
    FUNCTIONS: ClassVar[Parsers] = {}
    FUNCTION_PARSERS = _own_syntax(MySQLParser.FUNCTION_PARSERS, "mysql")
    PRIMARY_PARSERS: ClassVar = {
        **MySQLParser.PRIMARY_PARSERS,
        TokenType.HEX_STRING: lambda self, token: self.expression(
            exp.HexString(this=token.text, is_integer=self.sql[token.start : token.start + 2] == "0x")
        ),
    }

    def _parse_interval_span(self, this: exp.Expr, parse_function_unit: bool = True) -> exp.Interval:
        """The interval, with a number as a number: MySQL rounds 1.5 days to 2, and '1.5' days to 1."""
        interval = super()._parse_interval_span(this, parse_function_unit)
        if this.is_number:
            interval.set("this", this)
        return interval


class _MySQLGenerator(MySQLGenerator):
    TRANSFORMS: ClassVar = {
        **MySQLGenerator.TRANSFORMS,
        exp.RegexpLike: lambda self, node: self.binary(node, "REGEXP"),  # MariaDB knows no REGEXP_LIKE
        exp.HexString: lambda _, node: f"0x{node.this}" if node.args.get("is_integer") else f"x'{node.this}'",
    }


class _PostgresParser(PostgresParser):
    FUNCTIONS: ClassVar[Parsers] = {}
    FUNCTION_PARSERS = _own_syntax(PostgresParser.FUNCTION_PARSERS, "postgresql")


class _PostgresGenerator(PostgresGenerator):
    TRANSFORMS: ClassVar = {**PostgresGenerator.TRANSFORMS, exp.CurrentTime: lambda *_: "CURRENT_TIME"}


class _SQLiteParser(SQLiteParser):
    FUNCTIONS: ClassVar[Parsers] = {}
    FUNCTION_PARSERS = _own_syntax(SQLiteParser.FUNCTION_PARSERS, "sqlite")


class _SQLiteGenerator(SQLiteGenerator):
    TYPE_MAPPING: ClassVar[dict[exp.DType, str]] = {}  # SQLite casts by what the type's name contains

    def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
        """Return a plain CAST, of times too: SQLite makes a number of them."""
        return generator.Generator.cast_sql(self, expression, safe_prefix)


class _MySQL(MySQL):
    Parser = _MySQLParser
    Generator = _MySQLGenerator


class _Postgres(Postgres):
    Parser = _PostgresParser
    Generator = _PostgresGenerator


class _SQLite(SQLite):
    Parser = _SQLiteParser
    Generator = _SQLiteGenerator


DIALECTS: dict[str, type[Dialect]] = {"mysql": _MySQL, "postgresql": _Postgres, "sqlite": _SQLite}


def one_select(query: str, database: str) -> str:
    """The query written again for "mysql", "postgresql" or "sqlite", if it is a single SELECT that only computes.

    ConfigError: it is something else, holds a comment that a server runs (/*! and /*M!), changes or locks
    anything, or calls a function that may.
    """
    dialect = DIALECTS[database]
    try:
        tokens = dialect().tokenize(query)
        parsed = dialect().parser().parse(tokens, query)
    except SqlglotError as error:
        raise ConfigError(f"query: is not SQL that can be read ({str(error).splitlines()[0][:150]})") from None
    if any(comment.startswith(("!", "M!")) for token in tokens for comment in token.comments):
        raise ConfigError("query: a comment that begins with /*! or /*M! is run by the server; take it out")
    statements = [statement for statement in parsed if statement is not None and not isinstance(statement, exp.Semicolon)]
    if len(statements) != 1 or not _only_reads(statements[0]):
        raise ConfigError(f"query: give one SELECT that changes and locks nothing; {HINT}")
    [tree] = statements
    for hint in list(tree.find_all(exp.Hint)):
        hint.pop()
    _check_functions(tree, HARMLESS[database])
    try:
        return str(tree.sql(dialect, comments=False, normalize_functions=False, unsupported_level=sqlglot.ErrorLevel.RAISE))
    except UnsupportedError as error:
        raise ConfigError(f"query: cannot be written for {database} ({str(error)[:150]}); put it into a view, {HINT}") from None


def _only_reads(tree: exp.Expr) -> bool:
    """Whether the statement, and every one inside it, is a query."""
    inside = all(isinstance(cte.this, exp.Query | exp.Values) for cte in tree.find_all(exp.CTE))
    return isinstance(tree, exp.Query) and inside and tree.find(*REFUSED) is None


def _check_functions(tree: exp.Expr, harmless: frozenset[str]) -> None:
    """ConfigError for a call of a function that is not known to be harmless, however it is quoted or qualified."""
    for call in tree.find_all(exp.Func):
        if not isinstance(call, exp.Anonymous):
            continue  # an operator, or one of SYNTAX
        quoted = isinstance(call.this, exp.Identifier) and call.this.quoted
        name = call.name if quoted else call.name.lower()
        within = call.parent
        schema = within.this.name if isinstance(within, exp.Dot) else within.db if isinstance(within, exp.Table) else ""
        if name not in harmless or schema not in ("", "pg_catalog"):
            full = f"{schema}.{name}" if schema else name
            raise ConfigError(
                f"query: function {full[:80]!r} may do more than compute{did_you_mean(name, harmless)}; "
                f"leave it out, or call it in a view of the database and read that with table"
            )
