"""What a stage sees of the config: the keys that it declares, and nothing else."""

from collections.abc import Iterable
from typing import Any, TypeVar

from assay import registry
from assay.config import Config, ConfigSection

S = TypeVar("S", bound=ConfigSection)


def view(config: Config, keys: Iterable[str]) -> Config:
    """The config with the declared keys alone; reading another raises UndeclaredError.

    keys: dotted paths: a section ("evaluate") or a key of one ("samples.period_days").
    """
    return _only(config, [tuple(key.split(".")) for key in keys])


def _only(section: S, paths: list[tuple[str, ...]]) -> S:
    below: dict[str, list[tuple[str, ...]]] = {}
    for first, *rest in paths:
        below.setdefault(first, []).append(tuple(rest))
    seen = section.model_copy()
    for name in list(seen.__dict__):
        if name not in below:
            del seen.__dict__[name]
        elif () not in below[name] and isinstance(value := seen.__dict__[name], ConfigSection):
            seen.__dict__[name] = _only(value, below[name])
    return seen


def values(config: Config, keys: Iterable[str]) -> dict[str, Any]:
    """Each key's value, as JSON takes it and without passwords: what the fingerprint of a stage is made of."""
    content = without_passwords(config.model_dump(mode="json"))
    return {key: _at(content, key.split(".")) for key in keys}


def _at(content: Any, steps: list[str]) -> Any:
    for step in steps:
        content = None if content is None else content[step]
    return content


def without_passwords(content: Any) -> Any:
    """The content of a config as a run may keep it: its URLs of databases keep all but their passwords.

    InputError with the pip line: it has one, and the extra `databases` is not installed.
    """
    if isinstance(content, dict):
        return {
            name: _redacted(value) if name == "url" and isinstance(value, str) else without_passwords(value)
            for name, value in content.items()
        }
    return [without_passwords(value) for value in content] if isinstance(content, list) else content


def _redacted(url: str) -> str:
    redacted: str = registry.of_extra("assay.engines.urls", "databases", "a database's url").redact(url)
    return redacted
