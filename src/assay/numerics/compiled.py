"""Compiled kernels: a word before the first compilation, and threads for those that take a stripe of rows."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba

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


def striped(kernel: Any, *arguments: Any) -> None:
    """Run kernel(thread, threads, *arguments) in as many threads as Numba may use.

    The kernel (njit with nogil) takes every threads-th row from `thread` on, and no two rows write to one place. Numba's own
    parallel loops do the same, but compile for seconds.
    """
    threads = numba.get_num_threads()
    if threads == 1:
        kernel(0, 1, *arguments)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda thread: kernel(thread, threads, *arguments), range(threads)))
