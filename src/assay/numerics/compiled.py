"""A word before the first compilation: kernels are compiled once on a machine, then read from disk."""

import logging
from pathlib import Path
from typing import Any

_log = logging.getLogger("assay")
_said: set[str] = set()


def announce(kernel: Any) -> None:
    """Log that `kernel` (a numba dispatcher with cache=True) will be compiled now, if no cached copy is there."""
    name = kernel.py_func.__qualname__
    place = kernel.py_func.__module__
    if f"{place}.{name}" in _said or kernel.signatures:
        return
    _said.add(f"{place}.{name}")
    folder = Path(kernel.stats.cache_path)
    if not any(folder.glob(f"{place.rpartition('.')[2]}.{name}-*.nbi")):
        _log.warning("compiling %s: once on this machine, some seconds", name.strip("_"))
