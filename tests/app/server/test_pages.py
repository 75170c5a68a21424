"""Pages are whole, run nothing of what data holds, and lead to each other."""

from html.parser import HTMLParser

import pytest

from assay.app import report
from assay.app.server.pages import PAGES
from assay.finished import Finished

HOSTILE = "<script>alert(1)</script>"
VOID = {"meta", "link", "input", "img", "br", "option", "path", "line", "circle", "rect"}


class Read(HTMLParser):
    """Tags, attributes, text and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.texts, self.links, self.open = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.links += [value for name, value in attrs if name in ("href", "src", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def page(client, path, status=200, **parameters) -> Read:
    answer = client.get(path, params=parameters, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    read = Read(answer.text)
    assert read.open == []
    return read


SHOWN = [
    ("/run", {}),
    ("/shop", {}),
    ("/shop", {"user": "a/b?c"}),
    ("/shop", {"user": HOSTILE}),
    ("/shop", {"user": "u7", "category": "A & B"}),
    ("/shop/search", {"q": "牛奶", "user": "u7"}),
    ("/shop/search", {"q": HOSTILE}),
    ("/shop/search", {"q": ""}),
    ("/shop/item", {"item": "x/y z"}),
    ("/shop/item", {"item": "牛奶-3 🥛", "user": "u7"}),
    ("/docs", {}),
]


@pytest.mark.parametrize(("path", "parameters"), SHOWN)
def test_pages_are_whole_and_inert(client, path, parameters):
    read = page(client, path, **parameters)
    assert "style" not in {name for name, _ in read.attributes}
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert "style" not in read.tags
    scripts = [link for link in read.links if link.endswith(".js")]
    assert read.tags.count("script") == len(scripts)
    assert all(link.startswith(("/", "#", "https://pictures.example/")) for link in read.links), read.links


@pytest.mark.parametrize(("path", "parameters"), SHOWN)
def test_links_of_pages_lead_somewhere(client, path, parameters):
    for link in {link for link in page(client, path, **parameters).links if link.startswith("/")}:
        if not link.startswith("/shop/why"):  # which takes seconds
            assert client.get(link).status_code in (200, 307), link


def test_the_first_page_is_the_run_s(client):
    assert client.get("/").headers["location"] == PAGES[0].path


def test_the_run_is_told_in_the_report_s_words(client, served_folder):
    text = page(client, "/run").text
    for _, heading, part in report.sections(Finished(served_folder)):
        assert heading in text
        for _, sentence in part.findings:
            assert " ".join(sentence.split()) in text


def test_the_shop_shows_a_user_s_list_with_prices_and_reasons(client):
    answer = client.get("/api/recommend", params={"user": "u7"}).json()
    read = page(client, "/shop", user="u7")
    assert "Made for this user." in read.text
    for line in answer["recommendations"]:
        assert line["name"] in read.text
        assert line["reason"] in read.text
    assert "50" in read.text


def test_a_stranger_is_told_that_the_list_is_anybody_s(client):
    assert "The run has no list for this user." in page(client, "/shop", user="stranger").text


def test_why_says_what_made_an_item(client):
    item = client.get("/api/recommend/u7").json()["recommendations"][0]["item_id"]
    why = client.get("/api/explain", params={"user": "u7", "item": item}).json()
    read = page(client, "/shop/why", user="u7", item=item)
    assert why["made"][0]["sentence"] in read.text
    assert why["columns"][0]["column"] in read.text


@pytest.mark.parametrize("path", ["/none", "/shop/item?item=none", "/shop?run=none", "/shop/why?user=u7&item=none"])
def test_what_is_not_there_is_a_page_with_a_sentence(client, path, served_folder):
    answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code in (400, 404)
    assert "No answer" in Read(answer.text).text
    assert str(served_folder.parent) not in answer.text


def test_the_api_s_page_names_every_endpoint(client):
    text = page(client, "/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in text


def test_pictures_come_from_where_the_log_says_and_from_nowhere_else(client):
    read = page(client, "/shop/search", q="rye bread")
    shown = [link for link in read.links if link.startswith("https:")]
    assert "img" in page(client, "/shop/item", item="x/y z").tags
    policy = client.get("/shop").headers["content-security-policy"]
    assert "img-src 'self' https://pictures.example;" in policy
    assert all(link.startswith("https://pictures.example/") for link in shown)
    assert "javascript:" not in " ".join(page(client, "/shop/item", item="牛奶-1 🥛").links)
