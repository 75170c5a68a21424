"""A small shop whose purchases follow taste, written as a CSV log, and databases of the tests' own on real servers."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported; workers and their children inherit it
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads of one library would spin on the cores that others need
if "PYTEST_XDIST_WORKER" in os.environ:  # of several workers each computes on one thread: PyTorch, LightGBM
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import settings

from assay import front, stages
from assay.config import Config, parse
from assay.finished import Finished

SERVERS = {
    "mysql": ("mysql+pymysql://root@127.0.0.1:3306/", "mysql"),
    "postgresql": ("postgresql+psycopg://root@127.0.0.1:5432/", "postgres"),
}


settings.register_profile("suite", deadline=None)  # a busy machine is no fault: speed is measured in timings/
settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Let each of several workers compute on one thread: the small loops of tests only wait for a core that another has."""
    if hasattr(config, "workerinput"):
        numba.set_num_threads(1)


def write_shop(path: Path, users: int = 80, items: int = 60, weeks: int = 30, seed: int = 0) -> None:
    """Each user buys mostly one of six categories, again and again."""
    rng = np.random.default_rng(seed)
    lines = ["who,what,when,pieces,paid"]
    for week in range(weeks):
        for user in range(users):
            for _ in range(rng.poisson(4)):
                group = user % 6 if rng.random() < 0.7 else int(rng.integers(6))
                item = group + 6 * int(min(rng.geometric(0.3) - 1, items // 6 - 1))
                day = np.datetime64("2024-01-01T08:00:00") + np.timedelta64(week * 7 + int(rng.integers(7)), "D")
                when = day + np.timedelta64(int(rng.integers(36_000)), "s")
                lines.append(f"u{user},牛奶-{item} 🥛,{when},1,{1 + item % 7}.50")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def shop_config(log: Path, **sections: dict) -> Config:
    """A config for write_shop's log, small enough for tests."""
    columns = {"user_id": "who", "item_id": "what", "timestamp": "when", "quantity": "pieces", "price": "paid"}
    content = {
        "log": {"events": [{"path": str(log), "event": "purchase", "columns": columns}]},
        "samples": {"warm_up": 4, "validation": 4, "tuning": 4, "test": 4},
        "encode": {"rare": 20, "bins": 4},
        "models": {"lightgbm_trees": 10, "subsample": 3000, "names": ["popularity", "buy_it_again", "logistic", "lightgbm"]},
        "evaluate": {"resamples": 50},
        "select": {"fractions": [0.01, 0.02]},
    }
    return parse(content | sections)


STAGES = [name for name in stages.RUN if name not in ("features", "targets")]  # what a run from a log does unless it is told more


class Made(Finished):
    """A run that was just made, opened; ran: the stages that were done, reused: those that were there already."""

    ran: list[str]
    reused: list[str]


def run_in(config: Config, folder: Path | str, **options: Any) -> Made:
    """Do the stages of a run in a folder, and open it."""
    done = front.execute(config, folder, **options)
    run = Made(done.folder)
    run.ran, run.reused = list(done.ran), list(done.reused)
    return run


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, str]], None]:
    """Register names in an entry point group as an installed package does: install(group, {name: "module:object"})."""

    def put(group: str, points: dict[str, str]) -> None:
        info = tmp_path / f"third_party_{group.replace('.', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
        lines = "".join(f"{name} = {path}\n" for name, path in points.items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
        monkeypatch.syspath_prepend(str(tmp_path))

    return put


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log's file."""
    path = tmp_path_factory.mktemp("shop") / "log.csv"
    write_shop(path)
    return path


NAMES = ["FLUID MILK", "牛奶 🥛", "חלב טרי 3%", "<script>alert(1)</script>", "苹果汁", "rye bread"]
SERVED = {"models": {"lightgbm_trees": 5, "names": ["popularity", "buy_it_again", "logistic", "lightgbm"]}}


@pytest.fixture(scope="session")
def served_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that can search, of users and items whose ids are hard on addresses and pages; not to be changed."""
    folder = tmp_path_factory.mktemp("served")
    log = folder / "log.csv"
    write_shop(log, users=30, items=30, weeks=18)
    text = log.read_text(encoding="utf-8").replace("\nu0,", "\na/b?c,").replace("\nu1,", "\n..,").replace("牛奶-0 🥛", "x/y z")
    log.write_text(text, encoding="utf-8")
    pictures = ["https://pictures.example/{}.png", "javascript:alert({})", ""]
    lines = [
        ",".join(
            [
                "x/y z" if k == 0 else f"牛奶-{k} 🥛",
                f"{NAMES[k % 6]} {k}",
                "A & B" if k % 2 else "乳制品",
                pictures[k % 3].format(k),
                "" if k % 5 == 0 else str(k % 5 - 1),
            ]
        )
        for k in range(30)
    ]
    (folder / "items.csv").write_text("\n".join(["item_id,name,category,image,stock", *lines]) + "\n", encoding="utf-8")
    content = shop_config(log, **SERVED, evaluate={"resamples": 20}).model_dump(exclude_none=True, exclude_defaults=True)
    columns = {name: name for name in ("item_id", "name", "category", "image", "stock")}
    content["log"]["items"] = {"path": str(folder / "items.csv"), "columns": columns}
    run_in(parse(content), folder / "run")
    front.add(folder / "run", "search")
    return folder / "run"


def _absent(message: str, required: str) -> None:
    """Skip a test, or fail it where an environment variable says that what it needs is to be there."""
    if os.environ.get(required) == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium that is installed; none is ever downloaded."""
    paths = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    path = next(filter(None, paths), None)
    if path is None:
        _absent("no Chromium is installed", "ASSAY_REQUIRE_BROWSER")
    return str(path)


@pytest.fixture(params=["sqlite", *(pytest.param(s, marks=pytest.mark.database) for s in SERVERS)])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL, as a user writes it, of an empty database that is dropped afterwards."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("sqlite") / "log.db"
        sa.create_engine(f"sqlite:///{path}").connect().exec_driver_sql("VACUUM")
        yield f"sqlite:///{path}"
        return
    base, home = SERVERS[request.param]
    name = f"assay_test_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(base + home, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    try:
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sa.exc.OperationalError as error:
        _absent(f"no {request.param} server on 127.0.0.1: {str(error)[:200]}", "ASSAY_REQUIRE_DATABASES")
    yield base.replace("+pymysql", "").replace("+psycopg", "") + name
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")


@pytest.fixture
def execute(database: str):
    """Run SQL on the test's database, as its owner."""
    url = database.replace("mysql:", "mysql+pymysql:").replace("postgresql:", "postgresql+psycopg:")

    def run(sql: str, *rows: dict) -> list[tuple]:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            result = connection.execute(sa.text(sql), list(rows) if rows else {})
            return [tuple(row) for row in result] if result.returns_rows else []

    return run
