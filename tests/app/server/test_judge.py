"""The judging page and its API: what is asked, kept, shown, and refused."""

import json
import re
import socket
import subprocess
import threading
import time

import pytest
import uvicorn
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.benchmark.judged.record import Record
from tests.app.server.judging import HOSTILE, application, judged_by


@pytest.fixture
def client(tmp_path):
    with TestClient(application(judged_by(tmp_path)), raise_server_exceptions=True) as one:
        yield one


def following(client, judge="Ada", kind="pair"):
    answer = client.get("/api/judgements/next", params={"judge": judge, "kind": kind})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_pair_is_asked_answered_and_kept(client, tmp_path):
    asked = following(client, "李雷")
    question = asked["question"]
    assert asked["highest"] == 3
    assert asked["progress"]["own"] == 0
    assert question["about"]["device"] in ("📱", "desk")
    sent = {"kind": "pair", "judge": " 李雷 ", "request": question["request"], "item": question["item"]["id"], "grade": 2}
    kept = client.post("/api/judgements", json=sent)
    assert kept.status_code == 200
    assert kept.json()["progress"]["own"] == 1
    [stands] = Record(tmp_path).graded()
    assert (stands.judge, stands.grade, stands.when) == ("李雷", 2, kept.json()["when"])
    assert following(client, "李雷")["question"] != question


def test_nothing_asked_names_a_system(client):
    for kind in ("pair", "lists"):
        text = client.get("/api/judgements/next", params={"judge": "Ada", "kind": kind}).text
        assert "better" not in text
        assert "worse" not in text
    page = re.sub(r'data-words="[^"]*"', "", client.get("/judge").text)  # but for the button “left is better”
    assert not {"better", "worse"} & set(re.findall(r"\w+", page))


def test_lists_go_to_who_stood_there(client, tmp_path):
    for _ in range(6):
        question = following(client, kind="lists")["question"]
        assert len(question["left"]) == len(question["right"]) == 10
        sent = {"kind": "lists", "judge": "Ada", "request": question["request"], "better": "left"}
        assert client.post("/api/judgements", json=sent).status_code == 200
    stands = Record(tmp_path).preferences(("better", "worse"))
    assert {one.winner for one in stands} == {"better", "worse"}  # sides were shuffled
    last = next(one for one in stands if one.request == question["request"])
    assert list(last.left_items) == [item["id"] for item in question["left"]]


def test_what_was_judged_so_far_has_alpha_and_its_interval(client):
    empty = client.get("/api/judgements").json()
    assert empty["agreement"] == {
        "alpha": None, "low": None, "high": None, "units": 0, "ratings": 0, "judges": 0, "problem": "nothing was rated",
    }  # fmt: skip
    for turn in range(24):
        for n, judge in enumerate(("Ada", "Bo")):
            question = following(client, judge)["question"]
            grade = (
                len(question["item"]["id"]) + len(question["request"]) + int(question["item"]["id"][5:]) + (turn % 5 == n)
            ) % 4
            sent = {
                "kind": "pair",
                "judge": judge,
                "request": question["request"],
                "item": question["item"]["id"],
                "grade": grade,
            }
            client.post("/api/judgements", json=sent)
    result = client.get("/api/judgements").json()
    assert result["judges"] == {"Ada": 24, "Bo": 24}
    assert result["agreement"]["units"] >= 5
    assert result["agreement"]["low"] <= result["agreement"]["alpha"] <= result["agreement"]["high"]
    assert result["systems"] == ["worse", "better"]
    assert 0.5 <= result["confidence"] <= 1
    assert result["preference"]["share"] is None


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"grade": 4}, 400),
        ({"grade": 17}, 422),
        ({"grade": -1}, 422),
        ({"grade": True}, 422),
        ({"grade": "2"}, 422),
        ({"item": "another"}, 400),
        ({"request": "\u202e"}, 400),
        ({"judge": " "}, 422),
        ({"judge": "a\nb" * 90}, 422),
        ({"judge": "\x1b[2J"}, 422),
        ({"kind": "cup"}, 422),
        ({"system": "worse"}, 422),
        ({"item": "i" * 501}, 422),
    ],
)
def test_what_cannot_be_is_refused_and_not_kept(client, tmp_path, change, status):
    question = following(client)["question"]
    sent = {"kind": "pair", "judge": "Ada", "request": question["request"], "item": question["item"]["id"], "grade": 1, **change}
    assert client.post("/api/judgements", json=sent).status_code == status
    assert Record(tmp_path).lines == 0


KEYS = h.sampled_from(["kind", "judge", "request", "item", "grade", "better", "x"])
BODIES = h.recursive(
    h.none() | h.booleans() | h.integers() | h.text(max_size=8),
    lambda inner: h.dictionaries(KEYS, inner, max_size=7),
    max_leaves=9,
)


@settings(max_examples=60, deadline=None)
@given(BODIES)
def test_no_body_brings_it_down(tmp_path_factory, body):
    client = TestClient(application(judged_by(tmp_path_factory.mktemp("judged"))))
    assert client.post("/api/judgements", content=json.dumps(body), headers={"Content-Type": "application/json"}).status_code in (
        200, 400, 422,
    )  # fmt: skip


def test_a_judge_without_a_name_and_an_unknown_kind_are_refused(client):
    for params in ({}, {"judge": ""}, {"judge": "x" * 101}, {"judge": "Ada", "kind": "cups"}):
        assert client.get("/api/judgements/next", params=params).status_code == 422


def test_the_page_has_no_script_of_its_own_and_names_for_what_it_shows(client):
    text = client.get("/judge").text
    assert re.findall(r"<script[^>]*>", text) == ['<script src="/static/judge.js" defer>']
    assert not re.search(r" style=| on[a-z]+=|<style", text)
    for ident in re.findall(r'aria-labelledby="([^"]+)"', text):
        assert f'id="{ident}"' in text
    assert 'data-highest="3"' in text
    assert "<noscript>" in text


def test_openapi_describes_the_routes(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/api/judgements", "/api/judgements/next", "/static/{name}"}


DRIVE = """<!doctype html><meta charset="utf-8"><iframe id="page" src="/judge" width="900" height="900"></iframe>
<pre id="found"></pre>
<script>
const page = document.getElementById("page"), said = [];
const inside = () => page.contentDocument;
const text = (id) => inside().getElementById(id).textContent;
const wait = async (test) => { for (let n = 0; n < 200 && !test(); n++) await new Promise((go) => setTimeout(go, 25)); };
const press = (key) => {
  const event = new page.contentWindow.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  inside().dispatchEvent(event);
};
const far = () => text("far");
page.onload = async () => {
  inside().getElementById("name").value = "Ada";
  inside().querySelector("#who button").click();
  await wait(() => far().startsWith("You: 0."));
  said.push(text("asked"), inside().querySelectorAll("#answers button").length, inside().querySelectorAll("#shown img").length);
  press("2"); await wait(() => far().startsWith("You: 1."));
  press("c"); await wait(() => far().startsWith("You: 2."));
  press("u"); said.push(text("before"));
  press("3"); await wait(() => text("before") === "");
  press("9"); press("ArrowLeft");
  said.push(far().split(" All")[0]);
  inside().querySelector("input[value=lists]").click();
  await wait(() => inside().querySelectorAll("#shown ol").length === 2 && far().startsWith("You: 0."));
  said.push(inside().querySelectorAll("#shown li").length);
  for (const [n, key] of ["ArrowLeft", "ArrowRight", "ArrowDown"].entries()) {
    press(key);
    await wait(() => far().startsWith(`You: ${n + 1}.`));
  }
  said.push(far().split(" All")[0], inside().title);
  document.getElementById("found").textContent = JSON.stringify(said);
};
</script>"""


@pytest.mark.browser
@pytest.mark.slow
def test_a_keyboard_alone_will_do_in_a_browser(tmp_path, chromium):
    from starlette.responses import HTMLResponse

    (tmp_path / "judged").mkdir()
    app = application(judged_by(tmp_path / "judged", overlap=0))
    app.add_api_route("/drive", lambda: HTMLResponse(DRIVE))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/drive"
        answer = subprocess.run([*command, address], capture_output=True, text=True, timeout=120, check=True)
        server.should_exit = True
        thread.join()
    assert "CONSOLE" not in answer.stderr, answer.stderr[-2000:]
    found = re.search(r'<pre id="found">(.*?)</pre>', answer.stdout, re.DOTALL)
    asked, buttons, images, before, own, shown, lists, title = json.loads(found[1].replace("&quot;", '"'))
    assert asked.startswith("How good is this item for 查询 ")
    assert buttons == 5  # four grades, and "cannot tell"
    assert images == 0  # HOSTILE names are text
    assert HOSTILE.startswith("<img")
    assert before == "You said: cannot tell. Answer again."
    assert own == "You: 2."
    assert shown == 20
    assert lists == "You: 3."
    assert title == "Judge"
    record = Record(tmp_path / "judged")
    assert sorted(one.grade for one in record.graded()) == [2, 3]
    assert sorted(one.better for one in record.preferences(("better", "worse"))) == ["alike", "left", "right"]
    assert record.lines == 6
