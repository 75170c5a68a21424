"""Work in a process of its own, which may be killed: forked from one that has imported Assay, so that it starts at once."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

_FORKSERVER = multiprocessing.get_context("forkserver")
_FORKSERVER.set_forkserver_preload(["assay.app.cli", "assay.stages.search", "assay.serving.events", "tests.conftest"])


def started(work: Callable[..., Any], *arguments: Any) -> BaseProcess:
    """A process that does the work, a function of a test's module."""
    process = _FORKSERVER.Process(target=work, args=arguments)
    process.start()
    return process
