"""A walk in real Chromium through a server as users start it: every page, wide and narrow, light and dark; by keyboard."""

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from assay.finished import Finished
from tests.app.server.served import serving, to_judge
from tests.app.server.test_chinese import called, english

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BESIDE = ["/docs", "/nothing", "/shop?user=u7", "/shop?user=%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/shop/search?q=rye%20bread"]
BESIDE += ["/shop/search?q=", "/shop/item?item=x%2Fy%20z&user=u7"]  # pages that the head of a page does not lead to
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def browser(chromium) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the server keeps what comes back."""
    return tmp_path_factory.mktemp("walk")


@pytest.fixture(scope="module")
def address(served_folder, folder) -> Iterator[str]:
    more = to_judge(served_folder, folder)
    with serving(served_folder, *more, "--events", folder / "events.db", "--explore", 0.2) as at:
        yield at


@contextmanager
def walking(browser: Browser, width: int = 1280, scheme: str = "light") -> Iterator[Page]:
    """A page whose browser has nothing to complain of, but for pictures that are elsewhere and what is not there or refused."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.route("https://pictures.example/**", lambda route: route.fulfill(status=204))
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert [text for text in complaints if not re.search("404|500|422", text)] == []


def serious(page: Page) -> list[tuple[str, str]]:
    """What axe finds that keeps people out: its name, and the element."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], node["html"][:200]) for one in found if one["impact"] in SERIOUS for node in one["nodes"]]


def events(folder: Path, *kinds: str) -> list[dict]:
    with closing(sqlite3.connect(folder / "events.db")) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM assay_events ORDER BY event_no")]
    return [row for row in rows if row["event"] in kinds]


def come(folder: Path, kind: str) -> dict:
    """The one event of a kind, once it is there."""
    for _ in range(100):
        if found := events(folder, kind):
            break
        time.sleep(0.05)
    [one] = found
    return one


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_every_page_fits_and_keeps_nobody_out(browser, address, width, scheme):
    with walking(browser, width, scheme) as page:
        page.goto(f"{address}/")
        head = page.locator("header nav a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        assert len(head) > 3
        for path in dict.fromkeys([*head, *BESIDE]):
            page.goto(address + path)
            expect(page.locator("h1")).to_have_count(1)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert serious(page) == [], path


def test_a_shopper_searches_in_chinese_looks_and_puts_in_the_cart_by_keyboard(browser, address, folder):
    with walking(browser) as page:
        page.goto(f"{address}/shop?user=u7")
        page.get_by_label("Search").press_sequentially("牛奶")
        expect(page.locator("#suggestions option").first).to_have_attribute("value", re.compile("^牛奶"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Found for “牛奶”, for user u7")).to_be_visible()
        expect(page.locator(".card h3", has_text="牛奶").first).to_be_visible()
        given = page.locator("ol.cards").get_attribute("data-list")
        second = page.locator(".card").nth(1)
        item = second.get_attribute("data-item")
        second.get_by_role("button").focus()
        page.keyboard.press("Enter")
        expect(second.get_by_role("status")).to_have_text("In the cart.")
        second.get_by_role("link").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/shop/item?*")
        expect(page.get_by_role("heading", name="Like it")).to_be_visible()
    cart, view = come(folder, "cart"), come(folder, "view")
    for event in (cart, view):
        assert (event["user_id"], event["item_id"], event["list_id"], event["position"]) == ("u7", item, given, 2)
    [shown] = [row for row in events(folder, "exposure") if row["list_id"] == given and row["position"] == 2]
    assert (shown["item_id"], shown["query"], shown["model"]) == (item, "牛奶", "search")
    assert 0 < shown["propensity"] < 1
    assert [row["query"] for row in events(folder, "search") if row["list_id"] == given] == ["牛奶"]


def test_why_an_item_stands_there_is_told(browser, address):
    with walking(browser) as page:
        page.goto(f"{address}/shop?user=u7")
        page.get_by_role("link", name="What made it").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("for user u7")
        assert serious(page) == []


def test_a_judge_needs_the_keyboard_alone(browser, address):
    with walking(browser) as page:
        page.goto(f"{address}/judge")
        page.get_by_label("Your name").focus()
        page.keyboard.type("李雷")
        page.keyboard.press("Enter")
        for answers, key in enumerate(["1", "0", "c"]):
            expect(page.locator("#far")).to_contain_text(f"You: {answers}.")
            expect(page.locator("#asked")).to_contain_text("How good is this item")
            expect(page.locator("#question")).to_have_attribute("aria-busy", "false")
            page.keyboard.press(key)
        expect(page.locator("#far")).to_contain_text("You: 3.")
        assert serious(page) == []
    with urlopen(f"{address}/api/judgements") as answer:
        judged = json.load(answer)
    assert (judged["judges"], judged["pairs"], judged["systems"]) == ({"李雷": 2}, 2, ["good", "bad"])


def test_what_scripts_say_is_chinese_where_the_page_is(browser, address, served_folder):
    known = called(Finished(served_folder)) | {"A & B"}

    def left(page: Page) -> list[str]:
        labels = page.locator("main [aria-label]").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
        return english("\n".join([page.locator("main").inner_text(), *labels]), known)

    with walking(browser) as page:
        page.goto(f"{address}/judge?lang=zh")
        page.get_by_label("您的姓名").fill("韩梅梅")
        page.keyboard.press("Enter")
        for answers, key in enumerate(["0", "c", "u"]):
            expect(page.locator("#far")).to_contain_text(f"您：{answers}。")
            expect(page.locator("#question")).to_have_attribute("aria-busy", "false")
            assert left(page) == []
            page.keyboard.press(key)
        expect(page.locator("#before")).to_contain_text("您之前的回答：无法判断")
        assert left(page) == []
        page.get_by_label("两份列表").check()
        expect(page.locator("#asked")).to_contain_text("哪个列表更好？")
        assert left(page) == []
        page.route("**/api/judgements?*", lambda route: route.fulfill(status=500, body="{}"))
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#trouble")).to_have_text("服务器未接受（500）。")
        page.unroute("**/api/judgements?*")
        page.route("**/api/judgements?*", lambda route: route.continue_(post_data='{"kind": "lists"}'))
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#trouble")).to_contain_text("缺失；请给出")
        page.goto(f"{address}/shop?user=u7&lang=zh")
        page.locator("button.cart").first.click()
        expect(page.locator(".card [role=status]").first).to_have_text("已加入购物车。")
        assert left(page) == []
