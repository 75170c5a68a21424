"""A page in real Chromium whose browser has nothing to complain of, and what axe finds on it."""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page

SERIOUS = ("serious", "critical")


@contextmanager
def walking(
    browser: Browser, address: str, width: int = 1280, scheme: str = "light", *, refused: tuple[str, ...] = ()
) -> Iterator[Page]:
    """A page that takes paths of a server. refused: paths of which the browser may say that the server
    refused them.

    AssertionError, at the end: the browser said something, a script failed, or a dialog opened.
    """
    said: list[str] = []
    allowed = {address + path for path in refused}

    def hear(message: ConsoleMessage) -> None:
        if message.location["url"].partition("?")[0] not in allowed:
            said.append(f"{message.text} {message.location['url']}")

    page = browser.new_page(base_url=address, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.route("https://pictures.example/**", lambda route: route.fulfill(status=204))
    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    yield page
    page.close()
    assert said == [], said


def serious(page: Page) -> list[tuple[str, str]]:
    """What axe finds that keeps people out: its name, and the element."""
    violations = Axe().run(page).response["violations"]
    return [(one["id"], node["html"][:200]) for one in violations if one["impact"] in SERIOUS for node in one["nodes"]]


def fits(page: Page) -> bool:
    """Whether the page is no wider than the screen."""
    assert page.viewport_size is not None
    return int(page.evaluate("document.documentElement.scrollWidth")) <= page.viewport_size["width"]
