"""A small finished run behind the server, asked as a client on this machine would; and a browser."""

from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, sync_playwright

from assay.app.server.app import guarded, make
from assay.app.server.site import Reach, Site, named
from assay.finished import Finished
from assay.runs.manifest import Entry, Manifest

LOCAL = "http://127.0.0.1:8000"


def client_of(*folders: Path, reach: Reach | None = None, **options) -> TestClient:
    """A client of a site of runs; errors of the server's are answers, as they are outside. It keeps no cookie."""
    site = Site(named(folders), reach or Reach(), **options)
    client = TestClient(guarded(make(site)), base_url=LOCAL, raise_server_exceptions=False, follow_redirects=False)
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


def whole(run: Finished) -> Path:
    """The folder of a hand-made run, which the server now takes for a finished one."""
    manifest = Manifest.read(run)
    for name in ("trust", "summary"):
        manifest = manifest.with_entry(name, manifest.entries.get(name, Entry("made by hand", {})))
    manifest.write(run)
    return run.folder


@pytest.fixture(scope="session")
def client(served_folder: Path) -> Iterator[TestClient]:
    with client_of(served_folder) as asked:
        yield asked


@pytest.fixture(scope="module")  # while it is open, no other loop of events can run in this thread
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium that was started."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()
