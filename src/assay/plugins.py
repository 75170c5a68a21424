"""What a user's own code brings: an object by its dotted path, as the config names it."""

from importlib import import_module
from typing import Any

from assay.errors import ConfigError


def load(path: str, where: str) -> Any:
    """The object at `package.module:Name` (or with a dot); ConfigError that begins with `where` and names the path."""
    module, _, attribute = path.replace(":", ".").rpartition(".")
    try:
        if not module:
            raise ImportError("give package.module:Name")
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{where} = {path!r} cannot be imported: {error}") from None
