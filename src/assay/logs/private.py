"""Ids that are stored hashed: where nobody who reads a run's folder may know who or what they are."""

import hashlib
import os

import pyarrow as pa

from assay import config
from assay.errors import ConfigError, unset

DIGITS = 20  # hexadecimal, 80 bits: no two of a billion ids meet but by a chance of one in a million


def salt(log: config.Log) -> str | None:
    """What ids are hashed with; None where they are stored as they came. ConfigError: the variable is not set."""
    if not log.hash_ids:
        return None
    if log.salt_env is None:
        return ""
    if log.salt_env not in os.environ:
        raise ConfigError(f"[log] salt_env: {unset(log.salt_env)}")
    return os.environ[log.salt_env]


def hidden(ident: object, salt: str) -> str:
    """The id as it is stored: digits of the SHA-256 of salt and id."""
    return hashlib.sha256(f"{salt}\x1f{ident}".encode()).hexdigest()[:DIGITS]


def hide(ids: pa.Array, salt: str) -> pa.Array:
    """Ids (n,) of any type as text (n,); an unknown or empty one stays so, for cleaning to name."""
    coded = ids.dictionary_encode()
    shown = [ident if ident in (None, "") else hidden(ident, salt) for ident in coded.dictionary.to_pylist()]
    return pa.array(shown, pa.string()).take(coded.indices)


def hide_columns(table: pa.Table | pa.RecordBatch, salt: str | None) -> pa.Table | pa.RecordBatch:
    """The table with its user_id and item_id hidden; as it is without a salt."""
    if salt is None:
        return table
    for name in ("user_id", "item_id"):
        if name in table.schema.names:
            column = table.column(name)
            whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            table = table.set_column(table.schema.names.index(name), name, hide(whole, salt))
    return table
