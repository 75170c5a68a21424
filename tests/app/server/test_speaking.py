"""The language of a page: the address, the cookie, the browser, the config; machines are answered in English."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as h
from starlette.datastructures import Headers

from assay.app.server.speaking import of_headers
from assay.finished import Finished
from tests.app.server.conftest import client_of, whole

SHOP = {"en": "For anybody", "zh": "面向所有人"}


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("", {}, "en"),
        ("?lang=zh", {}, "zh"),
        ("?lang=xx", {}, "en"),
        ("?lang=xx", {"Accept-Language": "zh"}, "zh"),
        ("?lang=en", {"Accept-Language": "zh"}, "en"),
        ("", {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}, "zh"),
        ("", {"Accept-Language": "en-GB, zh;q=0.9"}, "en"),
        ("", {"Accept-Language": "fr, zh;q=0.1, en;q=0"}, "zh"),
        ("", {"Accept-Language": "fr, *;q=0.5"}, "en"),
        ("", {"Cookie": "other=1; lang=zh", "Accept-Language": "en"}, "zh"),
    ],
)
def test_a_page_is_in_the_reader_s_language(client, query, headers, code):
    answer = client.get(f"/shop{query}", headers=headers)
    assert f'<html lang="{code}">' in answer.text
    assert SHOP[code] in answer.text
    assert "Accept-Language" in answer.headers["vary"]


def test_a_language_that_the_address_names_is_kept_by_the_browser(client):
    assert client.get("/shop?lang=zh").headers["set-cookie"].startswith("lang=zh; Path=/")
    assert "set-cookie" not in client.get("/shop?lang=xx").headers
    assert "set-cookie" not in client.get("/shop").headers


def test_the_report_of_each_language_is_kept_apart(client):
    english, chinese = (client.get("/run", headers={"Accept-Language": code}).text for code in ("en", "zh"))
    assert "What Assay found" in english
    assert "Assay 的发现" in chinese
    assert "What Assay found" in client.get("/run").text


def test_a_page_links_to_itself_in_the_other_language(client):
    text = client.get("/shop?user=u7").text
    assert '<a href="/shop?user=u7&amp;lang=zh" hreflang="zh" lang="zh">中文</a>' in text


@pytest.mark.parametrize("path", ["/api/recommend/u7", "/api/similar/none", "/openapi.json", "/healthz"])
def test_machines_are_answered_in_english(client, path):
    answers = [client.get(path, headers={"Accept-Language": code}) for code in ("en", "zh")]
    assert answers[0].content == answers[1].content


@given(h.text(h.characters(min_codepoint=32, max_codepoint=255), max_size=60))
def test_no_header_breaks_a_page(text):
    for name in ("accept-language", "cookie"):
        assert of_headers(Headers(raw=[(name.encode(), text.encode("latin-1"))])) in (None, "en", "zh")


def test_a_browser_without_a_language_of_ours_gets_that_of_the_config(run: Finished):
    config = json.loads((run.folder / "config.json").read_text())
    (run.folder / "config.json").write_text(json.dumps(config | {"show": {"language": "zh"}}))
    with client_of(whole(Finished(run.folder))) as client:
        assert '<html lang="zh">' in client.get("/run", headers={"Accept-Language": "fr"}).text
        assert '<html lang="en">' in client.get("/run", headers={"Accept-Language": "en"}).text
