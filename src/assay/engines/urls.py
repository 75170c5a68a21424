"""URLs of databases: read for their drivers, and shown and kept without the secrets that they hold."""

import os
import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from assay.errors import ConfigError, did_you_mean, unset

DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "sqlite": "sqlite",
}
SECRET = re.compile(r"passw|pwd|secret|token", re.IGNORECASE)  # names of parameters that hold one
ESCAPES = "in user and password write %40 for @, %3A for :, %2F for /, %3F for ?"


def _kind(url: str) -> str:
    """What stands before :// and a driver's name."""
    return url.partition("://")[0].partition("+")[0]


def _parsed(url: str) -> sa.URL:
    """The parts of a URL; ConfigError without a word of it when they cannot be told from each other."""
    kind = _kind(url)
    wrong = ConfigError(f"{shown_kind(kind)}: is no database URL; write mysql://user:password@host/database; {ESCAPES}")
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise wrong from None
    if kind not in DRIVERS:
        name = f" {kind!r}" if kind in sa.dialects.__all__ else ""
        hint = did_you_mean(kind, DRIVERS)
        raise ConfigError(f"url: databases of this kind{name} are not read{hint}; known: mysql, mariadb, postgresql, sqlite")
    parsed = parsed.set(drivername=kind)
    if kind == "sqlite":
        return parsed
    sound = (
        url.partition("?")[0].count("@") <= 1
        and ":" not in (parsed.username or "")
        and re.fullmatch(r"[\w.,\-]*|[0-9A-Fa-f:.]+(%\w+)?", parsed.host or "")
        and 0 < (parsed.port or 1) <= 65_535
        and not set("@:/?") & set(parsed.database or "")
    )
    if not sound:  # a secret may stand where a host, port or database should
        raise wrong
    return parsed


def shown_kind(kind: str) -> str:
    """How a URL of which nothing else is certain is named in a message."""
    return f"{kind}://..." if kind in DRIVERS else "url"


def _without_password(parsed: sa.URL, query: Mapping[str, Any]) -> str:
    """The URL again. SQLAlchemy 2.1 escapes a database's name, 2.0 leaves that to us: what is read back decides."""
    name = parsed.database
    escaped = name and name.replace("%", "%25").replace("?", "%3F")
    texts = [
        sa.URL.create(parsed.drivername, parsed.username, None, parsed.host, parsed.port, database, query).render_as_string()
        for database in (name, escaped)
    ]
    return texts[0] if sa.make_url(texts[0]).database == name else texts[1]


def shown(url: str) -> str:
    """The URL for a message: without password and parameters, and without what may be a secret in a wrong place."""
    try:
        return _without_password(_parsed(url), {})
    except ConfigError:
        return shown_kind(_kind(url))


def redact(url: str) -> str:
    """The URL without its passwords, those among its parameters too: what a run may keep, and can connect by again."""
    try:
        parsed = _parsed(url)
    except ConfigError:
        return shown(url)
    kept = {name: value for name, value in parsed.query.items() if not SECRET.search(name)}
    if parsed.password is None and len(kept) == len(parsed.query) and url.startswith(f"{parsed.drivername}://"):
        return url
    return _without_password(parsed, kept)


def parse(url: str, password_env: str | None) -> sa.URL:
    """The URL as SQLAlchemy connects by it, with the password from the environment where the config names one.

    ConfigError: it is no URL of a database that Assay reads, names no database or file, or the environment
    variable is not set.
    """
    parsed = _parsed(url)
    kind = parsed.drivername
    if password_env is not None:
        if password_env not in os.environ:
            raise ConfigError(f"{shown(url)}: password_env: {unset(password_env)}")
        query = {name: value for name, value in parsed.query.items() if name not in ("password", "passwd")}
        parsed = parsed.set(password=os.environ[password_env], query=query)
    if kind == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigError(f"{shown(url)}: name the file: sqlite:///folder/file.db")
    if kind in ("mysql", "mariadb") and not parsed.database:
        raise ConfigError(f"{shown(url)}: names no database; write {kind}://user@host/database")
    return parsed.set(drivername=DRIVERS[kind])


def hide(text: str, url: sa.URL) -> str:
    """A driver's words without the password and the parameters' values, some of which may be secrets."""
    if url.password:
        text = text.replace(url.password, "***")
    values = [value for several in url.query.values() for value in ([several] if isinstance(several, str) else several)]
    for value in sorted(values, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "***", text)
    return text
