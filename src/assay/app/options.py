"""Options that every command has, and output for machines."""

import json
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of a fault.")]


def print_json(value: object) -> None:
    """Print a value as JSON, keys sorted, any script as it is."""
    typer.echo(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str))
