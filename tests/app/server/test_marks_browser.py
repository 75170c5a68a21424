"""Marking in a real browser: by the keyboard alone, and a slice with its confirmation."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from assay.selection.marks import DECISIONS, FILE, Marks
from tests.app.server.served import serving
from tests.app.server.walking import walking

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(served_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("marked") / "run"
    shutil.copytree(served_folder, copy)
    return copy


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving(folder) as at:
        yield at


@pytest.fixture
def page(browser, address: str, folder: Path) -> Iterator[Page]:
    (folder / FILE).unlink(missing_ok=True)
    with walking(browser, address) as walked:
        yield walked


def standing(folder: Path) -> dict[str, str]:
    now = Marks(folder).standing()
    return {str(one): DECISIONS[said] for one, said in zip(now.sample_id, now.decision, strict=True)}


def test_samples_are_marked_by_the_keyboard_alone(page, folder):
    page.goto("/samples")
    rows = page.locator("tr[data-sample]")
    first, second = (rows.nth(k).get_attribute("data-sample") for k in range(2))
    rows.nth(0).focus()
    page.keyboard.press("3")  # nobody marks without a name
    assert page.evaluate("document.activeElement.name") == "who"
    page.keyboard.type("李 <b>")
    rows.nth(0).focus()
    page.keyboard.press("3")
    page.locator("#told", has_text="Mark 1: drop").wait_for()
    assert standing(folder) == {first: "drop"}
    assert rows.nth(0).locator(".said").inner_text() == "drop"
    page.locator(f"tr[data-sample='{second}']:focus").wait_for()  # on to the next
    page.keyboard.press("4")
    page.locator("#told", has_text="Mark 2: wrong label").wait_for()
    assert standing(folder) == {first: "drop", second: "wrong_label"}
    page.keyboard.press("u")
    page.locator("#told", has_text="Mark 2 is undone").wait_for()
    assert standing(folder) == {first: "drop"}
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("w")
    page.wait_for_url("**/samples/why?*")
    assert page.locator("h1").inner_text().startswith("Why this sample is worth")
    page.goto("/samples")
    assert page.locator("input[name=who]").last.input_value() == "李 <b>"  # the browser remembers it


def test_a_slice_is_marked_after_its_number_was_said_and_undone(page, folder):
    page.goto("/samples")
    page.locator("select[name=category]").select_option("乳制品")
    page.get_by_role("button", name="Show").click()
    page.locator("select[name=say]").select_option("halve")
    page.get_by_role("button", name="Mark all …").click()
    assert standing(folder) == {}
    heading = page.locator("h1").inner_text()
    count = int(heading.split()[1].replace(",", ""))
    assert heading.endswith("half weight?")
    page.locator("input[name=who]").fill("Bo")
    page.get_by_role("button", name="Mark ").click()
    assert f"half weight, {count} samples, by Bo" in page.locator("#told").inner_text()
    assert page.locator("select[name=category]").input_value() == "乳制品"
    assert list(standing(folder).values()) == ["halve"] * count
    page.get_by_role("button", name="Undo it").click()
    assert "is undone" in page.locator("#told").inner_text()
    assert standing(folder) == {}


def test_what_the_script_says_is_chinese_where_the_page_is(page, folder):
    page.goto("/samples?lang=zh")
    page.locator("input[name=who]").last.fill("李雷")
    first = page.locator("tr[data-sample]").first
    first.get_by_role("button", name="去掉").click()
    page.locator("#told", has_text="标记 1：去掉。按 u 撤销。").wait_for()
    assert first.locator(".said").inner_text() == "去掉"
    first.focus()
    page.keyboard.press("u")
    page.locator("#told", has_text="标记 1 已撤销。").wait_for()
