"""Progress in a notebook: one output, changed at most twice a second, with nothing in it that is markup, gone at the end."""

import IPython.display
import pytest

from assay.app import progress


class Recorded:
    """Stands in for IPython's handle: what was sent to the browser."""

    sent: list[tuple[str, str]]

    def __init__(self) -> None:
        Recorded.sent = []

    def display(self, shown: IPython.display.HTML) -> None:
        self.sent.append(("display", shown.data))

    def update(self, shown: IPython.display.HTML) -> None:
        self.sent.append(("update", shown.data))


@pytest.fixture
def clock(monkeypatch):
    """A notebook whose time the test tells."""
    now = [0.0]
    monkeypatch.setattr(IPython.display, "DisplayHandle", Recorded)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    real = progress.SafeConsole.__init__

    def made(self, **settings) -> None:
        real(self, **settings)
        self.is_jupyter = True

    monkeypatch.setattr(progress.SafeConsole, "__init__", made)
    return now


def test_a_long_run_is_one_output_that_changes_twice_a_second(clock):
    with progress.bars() as report:
        for step in range(10_000):
            clock[0] = step / 1_000  # ten seconds
            report("value: influence", step, 10_000)
    kinds = [kind for kind, _ in Recorded.sent]
    assert kinds[0] == "display"
    assert set(kinds[1:]) == {"update"}
    assert 15 <= len(kinds) <= 18  # two a second, from the third second on, and the end
    assert Recorded.sent[0][1] == '<p><progress value="2000" max="10000"></progress> value: influence 2,000 of 10,000, 2 s</p>'
    assert Recorded.sent[-1][1] == ""


def test_what_takes_a_moment_shows_nothing(clock):
    with progress.bars() as report:
        report("collect", 1, None)
    assert Recorded.sent == []


def test_a_hostile_name_is_text_and_a_fault_leaves_no_line(clock):
    def faulty() -> None:
        with progress.bars() as report:
            clock[0] = 3.0
            report('<script>alert("x")</script>\x1b[2J', 7, None)
            raise ValueError("fault")

    with pytest.raises(ValueError, match="fault"):
        faulty()
    first, last = Recorded.sent
    assert first[1] == "<p>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;\N{REPLACEMENT CHARACTER}[2J 7, 3 s</p>"
    assert last[1] == ""
