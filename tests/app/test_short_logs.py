"""Logs of a few days, and of sessions that never come back, from the command to what it prints."""

from pathlib import Path

import numpy as np
import pytest

from assay.app import cli
from assay.finished import Finished
from assay.numerics.periods import start
from assay.pages.evaluation import ModelsTested

pytestmark = pytest.mark.slow

CONFIG = """
[[log.events]]
path = "log.csv"
event = "{event}"
columns = {{user_id = "who", item_id = "what", timestamp = "when"}}
[samples]
target = "{event}"
period_days = {days}
warm_up = {warm_up}
validation = 1
tuning = 1
test = 1
[encode]
rare = 20
bins = 4
[models]
names = ["popularity", "buy_it_again", "logistic"]
[evaluate]
resamples = 50
[select]
fractions = [0.02]
"""


def put(folder: Path, rows: list[str], **settings: object) -> Path:
    (folder / "log.csv").write_text("\n".join(["who,what,when", *rows]) + "\n", encoding="utf-8")
    (folder / "few.toml").write_text(CONFIG.format(**settings), encoding="utf-8")
    return folder / "few.toml"


def whole_days_and_ten_minutes(folder: Path) -> Path:
    """A config of a log of views: seven whole days, and an eighth that breaks off at ten past midnight."""
    rng = np.random.default_rng(2)
    rows = [
        f"u{user},p{int(rng.zipf(1.5)) % 30},2024-01-{day:02d}T{hour:02d}:{int(rng.integers(60)):02d}:00Z"
        for day in range(1, 8)
        for user in range(25)
        for hour in rng.choice(24, 10)
    ]
    rows += [f"u{user},p{item},2024-01-08T00:10:{item:02d}Z" for user in (0, 1) for item in range(10, 20)]
    return put(folder, rows, event="view", days=1, warm_up=1)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("days")
    config = whole_days_and_ten_minutes(folder)
    assert cli.main(["run", str(config), "--folder", str(folder / "run")]) == 0
    return folder / "run"


def test_a_day_that_breaks_off_is_never_tested_on(days: Path) -> None:
    requests = Finished(days).read_table("samples/requests.parquet").to_pylist()
    tested = {start(row["period"], 1).date().isoformat() for row in requests if row["split"] == "test"}
    assert tested == {"2024-01-07"}


def test_reasons_speak_of_days_and_views_where_these_are_the_periods_and_the_target(
    days: Path, capsys: pytest.CaptureFixture
) -> None:
    assert cli.main(["user", str(days), "u8"]) == 0
    out = capsys.readouterr().out
    assert "views" in out or "viewed" in out
    for word in ("week", "sales", "bought"):
        assert word not in out


def test_sessions_that_never_come_back_are_run_without_buy_it_again(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rng = np.random.default_rng(3)
    rows = [
        f"w{week}s{session},p{item},2024-{1 + (week * 7) // 28:02d}-{1 + (week * 7) % 28:02d}T{9 + session % 12:02d}:0{place}:00Z"
        for week in range(10)
        for session in range(40)
        for place, item in enumerate(rng.choice(20, 4, replace=False))
    ]
    config = put(tmp_path, rows, event="purchase", days=7, warm_up=2)
    assert cli.main(["run", str(config), "--folder", str(tmp_path / "run")]) == 0
    assert "buy-it-again is left out" in " ".join(capsys.readouterr().out.split())
    page = ModelsTested.read(Finished(tmp_path / "run"))
    assert set(page.left_out) == {"buy_it_again"}
    assert "buy_it_again" not in page.models


def test_a_short_log_gets_periods_that_fit_it_where_the_config_says_nothing_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config = whole_days_and_ten_minutes(tmp_path)
    text = config.read_text(encoding="utf-8")
    keys = ("period_days", "warm_up", "validation", "tuning", "test")
    config.write_text("\n".join(line for line in text.splitlines() if not line.startswith(keys)), encoding="utf-8")
    assert cli.main(["samples", str(config), "--folder", str(tmp_path / "run")]) == 0
    settled = Finished(tmp_path / "run").config.samples
    assert {key: getattr(settled, key) for key in keys} == dict(zip(keys, (1, 1, 1, 1, 1), strict=True))
    # Nothing is done again, and a longer log gets other periods.
    capsys.readouterr()
    assert cli.main(["samples", str(config), "--folder", str(tmp_path / "run")]) == 0
    assert "nothing to do" in capsys.readouterr().out
    more = [
        f"u{user},p{user % 30},2024-{3 + day // 28:02d}-{1 + day % 28:02d}T10:00:{user:02d}Z"
        for day in range(60)
        for user in range(20)
    ]
    with (tmp_path / "log.csv").open("a", encoding="utf-8") as log:
        log.write("\n".join(more) + "\n")
    assert cli.main(["samples", str(config), "--folder", str(tmp_path / "run")]) == 0
    assert Finished(tmp_path / "run").config.samples.period_days == 7
