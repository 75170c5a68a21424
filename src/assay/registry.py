"""What a user's own code brings: an object by its dotted path, as the config names it."""

from importlib import import_module
from typing import Any

from assay.errors import ConfigError, InputError


def load(path: str, where: str) -> Any:
    """The object at `package.module:Name` (or with a dot); ConfigError that begins with `where` and names the path."""
    module, _, attribute = path.replace(":", ".").rpartition(".")
    try:
        if not module:
            raise ImportError("give package.module:Name")
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{where} = {path!r} cannot be imported: {error}") from None


def of_extra(module: str, extra: str, name: str) -> Any:
    """A module of ours that needs an extra, imported when it is asked for; InputError with the pip line where it is missing.

    name: what needs it, as the user called it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "assay":
            raise
        raise InputError(f"{name} needs the package {error.name}: pip install 'assay[{extra}]'") from None
