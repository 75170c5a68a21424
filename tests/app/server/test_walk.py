"""A walk in real Chromium through a server as users start it: every page, wide and narrow, light and dark, by clicks and keys."""

import json
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from assay.app.server.pages import PAGES
from assay.benchmark import freeze, of_run
from assay.finished import Finished
from assay.selection.marks import Marks
from tests.app.server.served import serving, to_judge
from tests.app.server.test_chinese import called, english
from tests.app.server.test_pages import HOSTILE
from tests.app.server.walking import fits, serious, walking

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NOWHERE = "/nothing"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the server keeps what comes back."""
    return tmp_path_factory.mktemp("walk")


@pytest.fixture(scope="module")
def address(served_folder, folder) -> Iterator[str]:
    """A server of a run with marks, of two versions of a benchmark, of two systems to judge."""
    run = folder / "run"
    shutil.copytree(served_folder, run)
    Marks(run).add(HOSTILE, "drop", [1], {"item": "牛奶-3 🥛" * 20})
    more = to_judge(run, folder)
    opened = Finished(run)
    freeze(of_run.benchmark(opened, opened.config).take(range(20, 50)), folder / "second", replaces=folder / "kept")
    with serving(run, *more, "--benchmark", folder / "second", "--events", folder / "events.db", "--explore", 0.2) as at:
        yield at


@pytest.fixture(scope="module")
def paths(address) -> list[str]:
    """Every page, with what it may be asked."""
    item = got(address, "/api/recommend/u7")["recommendations"][0]["item_id"]
    sample = got(address, "/api/samples?size=1")["samples"][0]["sample_id"]
    benchmarks = [one["benchmark"] for one in got(address, "/api/benchmarks")["benchmarks"]]
    here = {one["system"]: one["address"] for one in got(address, "/api/systems")["systems"] if one["where"] == benchmarks[-1]}
    request = got(address, "/api/requests?size=1")["requests"][0]["request_id"]
    asked = [
        ("/run", {}), ("/docs", {}), (NOWHERE, {}), ("/judge", {}),
        ("/shop", {}), ("/shop", {"user": "u7"}), ("/shop", {"user": HOSTILE}), ("/shop", {"category": "A & B"}),
        ("/shop/search", {"q": "牛奶", "user": "u7"}), ("/shop/search", {"q": ""}), ("/shop/search", {"q": HOSTILE}),
        ("/shop/item", {"item": "x/y z", "user": "u7"}), ("/shop/why", {"item": item, "user": "u7"}),
        ("/compare", {}), ("/compare", {"a": here["bad"], "b": here["good"]}),
        ("/compare/request", {"id": request}), ("/compare/request", {"id": request, "a": here["bad"], "b": here["good"]}),
        ("/samples", {}), ("/samples", {"category": "A & B", "mark": "none"}), ("/samples", {"user": "nobody"}),
        ("/samples/why", {"sample": sample}), ("/samples/slice", {"user": "u7", "say": "drop"}), ("/samples/marks", {}),
        *(("/benchmarks", {"benchmark": label}) for label in benchmarks), ("/benchmarks", {"measure": "mrr@10"}),
    ]  # fmt: skip
    return [f"{path}?{urlencode(values)}" if values else path for path, values in asked]


def got(address: str, path: str) -> dict:
    with urlopen(address + path) as answer:
        return json.load(answer)


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


def test_the_walk_leaves_no_page_out(paths):
    routes = [route for page in PAGES for route in page.router.routes]
    assert {route.path for route in routes if "GET" in route.methods} <= {urlsplit(path).path for path in paths}


@pytest.mark.parametrize(("width", "scheme", "language"), [(1280, "light", "en"), (360, "dark", "en"), (1280, "dark", "zh")])
def test_every_page_fits_and_keeps_nobody_out(browser, address, paths, width, scheme, language):
    with walking(browser, address, width, scheme, refused=(NOWHERE,)) as page:
        page.goto(f"/?lang={language}")  # which the browser keeps
        for path in paths:
            answer = page.goto(path)
            assert answer.status == (404 if path == NOWHERE else 200), path
            expect(page.locator("html")).to_have_attribute("lang", language)
            expect(page.locator("h1")).to_have_count(1)
            assert fits(page), path
            assert serious(page) == [], path


def test_the_head_of_a_page_leads_to_every_page(browser, address):
    with walking(browser, address) as page:
        page.goto("/")
        for place, one in enumerate(PAGES):
            page.locator("header nav a").nth(place).click()
            page.wait_for_url(f"**{one.path}")
            expect(page.locator("header nav a[aria-current=page]")).to_have_count(1)


def test_a_shopper_searches_in_chinese_looks_and_puts_in_the_cart_by_keyboard(browser, address, folder):
    with walking(browser, address) as page:
        page.goto("/shop?user=u7")
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
    with walking(browser, address) as page:
        page.goto("/shop?user=u7")
        page.get_by_role("link", name="What made it").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("for user u7")


def test_two_systems_are_put_side_by_side_by_clicks(browser, address):
    with walking(browser, address) as page:
        page.goto("/compare")
        for name, system in (("a", "bad"), ("b", "good")):
            page.locator(f"select[name={name}]").select_option(label=system)
        page.get_by_role("button", name="Compare").click()
        expect(page.locator("#overall h2")).to_contain_text(re.compile("bad.*good"))
        expect(page.locator("#overall .finding").first).to_contain_text("B has")
        page.locator("select[name=sort]").select_option("better")
        page.get_by_role("button", name="Sort").click()
        lines = page.locator("#requests tbody a")
        first, second = (lines.nth(k).inner_text() for k in range(2))
        lines.first.click()
        expect(page.locator("h1")).to_contain_text(first)
        expect(page.get_by_role("link", name="Previous")).to_have_count(0)
        ranked = [page.get_by_role("list", name=f"List of {system}").get_by_role("listitem") for system in ("bad", "good")]
        assert ranked[1].first.locator(".mark-right").count() == 1  # good ranks by what is right
        page.get_by_role("link", name="Next").click()
        expect(page.locator("h1")).to_contain_text(second)
        page.get_by_role("link", name="Previous").click()
        expect(page.locator("h1")).to_contain_text(first)
        page.locator("select[name=depth]").select_option("20")
        page.get_by_role("button", name="Show").click()
        assert 10 < ranked[0].count() == ranked[1].count() <= 20
        page.get_by_role("link", name="All requests").click()
        expect(page.locator("#requests")).to_be_in_viewport()


def test_a_benchmark_is_looked_at_by_clicks(browser, address):
    newest, oldest = (one["benchmark"] for one in got(address, "/api/benchmarks")["benchmarks"])
    with walking(browser, address) as page:
        page.goto("/benchmarks")
        page.locator("table.listed").get_by_role("link", name=oldest).click()
        expect(page.get_by_role("heading", name=", version 1")).to_be_visible()
        for heading in ("What it is", "Leader board", "Versions", "Audit", "Uses"):
            page.get_by_label("Parts of this page").get_by_role("link", name=heading).click()
            expect(page.get_by_role("heading", name=heading, exact=True)).to_be_in_viewport()
        page.locator("#board").get_by_role("combobox").select_option("mrr@10")
        page.locator("#board").get_by_role("button", name="Show").click()
        expect(page.locator("#board")).to_contain_text("mrr@10")
        assert page.locator("#versions svg, #versions .rows").count() > 0  # systems over both versions
        expect(page.locator("#versions")).to_contain_text(newest)
        page.get_by_role("link", name="Put two of them side by side").click()
        expect(page.locator("h1")).to_have_text("Side by side")


def test_a_judge_needs_the_keyboard_alone(browser, address):
    with walking(browser, address) as page:
        page.goto("/judge")
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
    judged = got(address, "/api/judgements")
    assert (judged["judges"], judged["pairs"], judged["systems"]) == ({"李雷": 2}, 2, ["good", "bad"])


def test_what_scripts_say_is_chinese_where_the_page_is(browser, address, served_folder):
    known = called(Finished(served_folder)) | {"A & B"}

    def left(page: Page) -> list[str]:
        labels = page.locator("main [aria-label]").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
        return english("\n".join([page.locator("main").inner_text(), *labels]), known)

    with walking(browser, address, refused=("/api/judgements",)) as page:
        page.goto("/judge?lang=zh")
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
        page.goto("/shop?user=u7&lang=zh")
        page.locator("button.cart").first.click()
        expect(page.locator(".card [role=status]").first).to_have_text("已加入购物车。")
        assert left(page) == []
