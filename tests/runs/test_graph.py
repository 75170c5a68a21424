"""The runner, on graphs made for it: what stands is never of another config, whatever was killed before."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config import Config, parse
from assay.errors import ConfigError, InputError, UndeclaredError
from assay.runs.costs import BY_STAGE, read_costs
from assay.runs.graph import Graph
from assay.runs.manifest import Manifest, alone
from assay.runs.pages import Page
from assay.runs.stage import Stage, Work
from assay.runs.store import Folder, write_json

KEYS = ("seed", "select.floor", "evaluate.threshold", "show.title")


class KilledError(BaseException):
    """Stands in for a kill: nothing of the runner's comes after it."""


@dataclass
class Clock:
    """Counts the steps of work, and kills at one of them."""

    left: int | None = None
    ran: list[str] = field(default_factory=list)

    def step(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KilledError


def config(values: tuple[int, ...]) -> Config:
    seed, floor, threshold, title = values
    return parse(
        {
            "table": {"path": "x", "label": "y"},
            "seed": seed,
            "select": {"floor": 0.1 + 0.1 * floor},
            "evaluate": {"threshold": 0.1 + 0.1 * threshold},
            "show": {"title": str(title)},
        }
    )


def made_stage(name: str, follows: tuple[str, ...], reads: tuple[str, ...], coarse: bool, applies: int, clock: Clock) -> Stage:
    """A stage that writes what it reads, in one file or two; coarse: a result that few of its inputs change."""

    def work(work: Work) -> None:
        clock.ran.append(name)
        read = [str(getattr(work.config, "seed", "")) if key == "seed" else str(_at(work.config, key)) for key in reads]
        read += [work.folder.path(f"{other}/a.txt").read_text() for other in follows if work.folder.exists(f"{other}/a.txt")]
        text = str(len("".join(read)) % 2) if coarse else "|".join(read)
        for file in ("a", "b") if len(text) % 2 else ("a",):
            clock.step()
            path = work.folder.path(f"{name}/{file}.txt")
            path.parent.mkdir(exist_ok=True)
            path.write_text("half")
            clock.step()
            path.write_text(text)
            work.folder.keep([path])
        clock.step()

    return Stage(name, "", follows, reads, (f"{name}/*",), work, applies=lambda config: config.seed >= applies)


def _at(section: object, key: str) -> object:
    for step in key.split("."):
        section = getattr(section, step)
    return section


@st.composite
def graphs(draw) -> list[tuple]:
    stages: list[tuple] = []
    for k in range(draw(st.integers(1, 5))):
        before = [name for name, *_ in stages]
        follows = tuple(name for name in before if draw(st.booleans()))
        reads = tuple(key for key in KEYS if draw(st.booleans()))
        stages.append((f"s{k}", follows, reads, draw(st.booleans()), draw(st.sampled_from([0, 0, 0, 1]))))
    return stages


VALUES = st.tuples(*[st.integers(0, 1)] * len(KEYS))


def contents(folder: Path) -> dict[str, bytes]:
    left_out = {".lock", "cost.json"}
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name not in left_out}


@settings(max_examples=60)
@given(stages=graphs(), configs=st.lists(VALUES, min_size=2, max_size=4), kills=st.lists(st.integers(0, 12), max_size=3))
def test_whatever_was_there_the_folder_ends_as_a_fresh_one(tmp_path_factory, stages, configs, kills):
    clock = Clock()
    graph = Graph([made_stage(*stage, clock) for stage in stages])
    folder, fresh = tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("fresh")

    def run(values: tuple[int, ...], where: Path, until: str | None = None) -> None:
        graph.run(config(values), where, lambda *_: None, until=until)

    for values, kill in zip(configs[:-1], [*kills, *[None] * 4], strict=False):
        clock.left = kill
        with suppress(KilledError):
            run(values, folder)
    clock.left = None
    for name in Manifest.read(Folder(folder)).entries:  # what the manifest lists is whole at any time
        assert Manifest.read(Folder(folder)).entries[name].intact(Folder(folder))
    run(configs[-1], folder)
    run(configs[-1], fresh)
    assert contents(folder) == contents(fresh)
    clock.ran.clear()
    run(configs[-1], folder)
    assert clock.ran == []  # nothing changed, so nothing is done


@pytest.mark.slow
@settings(max_examples=60)
@given(stages=graphs(), first=VALUES, second=VALUES, data=st.data())
def test_a_part_of_a_run_leaves_nothing_of_another_config(tmp_path_factory, stages, first, second, data):
    """After `until`, every entry of the manifest is what a fresh run of the same config would hold."""
    clock = Clock()
    graph = Graph([made_stage(*stage, clock) for stage in stages])
    names = [stage.name for stage in graph.of(config(second))]
    if not names:
        return
    folder, fresh = tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("fresh")
    graph.run(config(first), folder, lambda *_: None)
    graph.run(config(second), folder, lambda *_: None, until=data.draw(st.sampled_from(names)))
    graph.run(config(second), fresh, lambda *_: None)
    there, whole = Manifest.read(Folder(folder)).entries, Manifest.read(Folder(fresh)).entries
    assert {name: whole.get(name) for name in there} == there
    states = graph.states(config(second), folder)
    assert {name for name, state in states.items() if state == "fresh"} == set(there)


def simple(clock: Clock, *more: Stage) -> Graph:
    return Graph([made_stage("a", (), ("seed",), False, 0, clock), made_stage("b", ("a",), (), False, 0, clock)], more)


def test_a_stage_beside_a_run_looks_at_nothing_outside(tmp_path):
    clock = Clock()

    def gone(config: Config) -> object:
        raise InputError("the log is gone")

    def work(work: Work) -> None:
        work.folder.write_table("c/page.parquet", pa.table({"text": [work.folder.path("a/a.txt").read_text()]}))

    beside = Stage("c", "", ("a",), ("show",), ("c/*",), work)
    outside = {"there": True}
    first = made_stage("a", (), ("seed",), False, 0, clock)
    first = Stage("a", "", (), ("seed",), ("a/*",), first.work, outside=lambda c, _: "log" if outside["there"] else gone(c))
    graph = Graph([first], [beside])
    with pytest.raises(InputError, match="'a' has not run there"):
        graph.add(config((0, 0, 0, 0)), tmp_path, "c", lambda *_: None)
    graph.run(config((0, 0, 0, 0)), tmp_path, lambda *_: None)
    outside["there"] = False
    assert graph.add(config((0, 0, 0, 0)), tmp_path, "c", lambda *_: None).ran == ("c",)
    assert graph.add(config((0, 0, 0, 0)), tmp_path, "c", lambda *_: None).reused == ("c",)
    assert graph.states(config((0, 0, 0, 0)), tmp_path) == {"a": "stale", "c": "stale"}  # nobody knows what the log is now
    outside["there"] = True
    assert graph.states(config((0, 0, 0, 0)), tmp_path) == {"a": "fresh", "c": "fresh"}
    assert graph.run(config((0, 0, 0, 0)), tmp_path, lambda *_: None).reused == ("a",)
    assert (tmp_path / "c/page.parquet").exists()  # it still holds
    graph.run(config((1, 0, 0, 0)), tmp_path, lambda *_: None)
    assert not (tmp_path / "c").exists()  # of another run
    costs = read_costs(tmp_path)
    assert [set(costs[name]) for name in BY_STAGE] == [{"a"}] * len(BY_STAGE)
    assert costs["written_bytes"]["a"] == sum(path.stat().st_size for path in (tmp_path / "a").iterdir())


def test_stages_are_named_where_one_is_not_there(tmp_path):
    clock = Clock()
    graph = Graph([made_stage("train", (), (), False, 0, clock), made_stage("later", (), (), False, 1, clock)])
    with pytest.raises(ConfigError, match=r"no stage 'trian'; did you mean 'train'\?; the stages are train, later"):
        graph.run(config((0, 0, 0, 0)), tmp_path, lambda *_: None, until="trian")
    with pytest.raises(ConfigError, match="'later' has nothing to do for this config; its stages are train"):
        graph.run(config((0, 0, 0, 0)), tmp_path, lambda *_: None, until="later")


def test_what_can_be_checked_is_checked_before_any_work(tmp_path):
    clock = Clock()

    def refuse(config: Config) -> None:
        raise ConfigError("no such database")

    last = Stage("c", "", ("a",), (), ("c/*",), lambda work: None, check=refuse)
    with pytest.raises(ConfigError, match="no such database"):
        Graph([made_stage("a", (), (), False, 0, clock), last]).run(config((0,) * 4), tmp_path, lambda *_: None)
    assert clock.ran == []
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_what_stands_is_not_checked_again(tmp_path):
    checks: list[str] = []
    checked = Stage("c", "", (), ("seed",), ("c/*",), lambda work: None, check=lambda config: checks.append("c"))
    graph = Graph([checked])
    for seed in (0, 0, 1):
        graph.run(config((seed, 0, 0, 0)), tmp_path, lambda *_: None)
    assert checks == ["c", "c"]


def test_what_a_kill_left_half_written_is_gone_after_the_next_run(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("a/.a.txt.partial", "a/.other.parquet.partial"):
        (tmp_path / name).write_text("half")
    simple(Clock()).run(config((0,) * 4), tmp_path, lambda *_: None)
    assert not list(tmp_path.rglob("*.partial"))


def test_no_artefact_lies_outside_of_the_folder():
    assert not Stage("a", "", (), (), ("models/*",), lambda work: None).owns("models/../../evil.json")


def test_only_one_process_works_in_a_folder(tmp_path):
    with alone(tmp_path), pytest.raises(InputError, match="another run is at work there"):
        simple(Clock()).run(config((0,) * 4), tmp_path, lambda *_: None)


@pytest.mark.parametrize(
    ("reads", "work", "message"),
    [
        (("select",), lambda w: w.config.evaluate.k, "does not declare"),
        (("select.floor",), lambda w: w.config.select.valuer, "does not declare"),
        ((), lambda w: w.config.seed, "does not declare"),
        ((), lambda w: w.folder.path("b/a.txt"), "no stage makes that it follows"),
        ((), lambda w: w.folder.exists("elsewhere.json"), "no stage makes that it follows"),
        ((), lambda w: w.folder.write_table("a/x.parquet", pa.table({})), "writes a/x.parquet, which it does not declare"),
        ((), lambda w: w.folder.keep([w.folder.folder / "report.html"]), "writes report.html"),
        ((), lambda w: w.folder.output("b"), "does not follow 'b'"),
        ((), lambda w: w.folder.write(Unknown()), "does not declare the page Unknown"),
    ],
)
def test_what_is_not_declared_is_refused(tmp_path, reads, work, message):
    stage = Stage("c", "", ("a",), reads, ("c/*",), work)
    clock = Clock()
    graph = Graph([made_stage("a", (), (), False, 0, clock), made_stage("b", (), (), False, 0, clock), stage])
    with pytest.raises(UndeclaredError, match=message):
        graph.run(config((0,) * 4), tmp_path, lambda *_: None)
    assert "c" not in Manifest.read(Folder(tmp_path)).entries


class Unknown(Page):
    """A page that no stage makes."""

    path = "c/unknown.json"


def test_what_a_followed_stage_did_not_make_is_missing(tmp_path):
    stage = Stage("b", "", ("a",), (), ("b/*",), lambda work: work.folder.read_json("a/other.json"))
    graph = Graph([made_stage("a", (), (), False, 0, Clock()), stage])
    with pytest.raises(InputError, match=r"other\.json: not there"):
        graph.run(config((0,) * 4), tmp_path, lambda *_: None)


def test_a_manifest_of_another_format_is_refused(tmp_path):
    write_json(tmp_path / "manifest.json", {"format": 1, "stages": {}})
    with pytest.raises(InputError, match="format 1 is not 3; make the run again in a new folder"):
        simple(Clock()).run(config((0,) * 4), tmp_path, lambda *_: None)


def test_the_entry_is_gone_before_the_work_begins(tmp_path):
    """A kill in the middle leaves neither the stage's entry nor those that follow from it."""
    clock = Clock()
    graph = simple(clock)
    graph.run(config((0,) * 4), tmp_path, lambda *_: None)
    clock.left = 0
    with pytest.raises(KilledError):
        graph.run(config((1, 0, 0, 0)), tmp_path, lambda *_: None)
    assert Manifest.read(Folder(tmp_path)).entries == {}
    clock.left, clock.ran = None, []
    graph.run(config((0,) * 4), tmp_path, lambda *_: None)
    assert clock.ran == []  # nothing had been written yet: the bytes are those of the first time
    clock.left = 1
    with pytest.raises(KilledError):
        graph.run(config((1, 0, 0, 0)), tmp_path, lambda *_: None)
    clock.left = None
    graph.run(config((0,) * 4), tmp_path, lambda *_: None)
    assert clock.ran[-1] == "a"  # its file was half written: it is done again
    assert os.path.exists(tmp_path / "b/a.txt")
