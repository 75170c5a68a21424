"""Options that every command has, and output for machines."""

import json
import math
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of a fault.")]


def print_json(value: object) -> None:
    """Print a value as JSON, keys sorted, any script as it is; numbers that JSON does not know (NaN, infinity) are null."""
    typer.echo(json.dumps(_finite(value), indent=1, sort_keys=True, ensure_ascii=False, default=str, allow_nan=False))


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
