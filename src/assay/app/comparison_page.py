"""The page of a comparison: measures with intervals, wins and losses by request, rankings side by side. One file, no network.

The rankings lie on the page as JSON; a script of our own, which nothing but its hash lets run, shows a request when it is chosen.
It writes text and never markup, so that an id stays an id.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from assay.app import report, words
from assay.app.boards import Judged
from assay.app.safe import one_line
from assay.app.sections import beyond_accuracy, trust
from assay.benchmark.board.comparison import groups
from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.board.side_by_side import SideBySide, side_by_side
from assay.errors import InputError
from assay.pages.trust import Leader
from assay.runs.section import Cell, Column, Section, Span, Table
from assay.runs.store import write_text

MOST = 5_000  # requests on the page: those on which the systems differ most
_DIGITS = 4
_MARKUP = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}


def write(
    path: Path,
    judged: Judged,
    leaders: Mapping[str, Sequence[Leader]],
    beyond: Mapping[str, Sequence[Mapping[str, Any]]],
    pairs: Sequence[Mapping[str, Any]],
    column: str | None,
) -> None:
    """Write the page. leaders: of each measure of accuracy compared, the first decides. beyond: values of the others. pairs: as
    `compare` has them, or within the groups of a column as `compare_groups` has them.

    InputError: not the rankings of two systems or more, or no measure of accuracy.
    """
    if judged.truth is None:
        raise InputError("--html puts rankings side by side, and scores alone have none: give --system NAME=FILE for two or more")
    if not leaders:
        raise InputError("--html puts requests in order by a measure of accuracy: add one, as --measure ndcg@10")
    board, measures = judged.board, list(leaders)
    pairs = [pair for pair in pairs if pair["measure"] in leaders]
    beside = side_by_side(board, judged.truth, judged.predictions, measures[0], most=MOST)
    parts = [
        ("systems", "Systems", _systems(board, leaders)),
        *([("beyond", "Beyond accuracy", replace(beyond_accuracy.of_board(beyond), title=""))] if beyond else []),
        ("pairs", "Wins and losses by request", _pairs({None: board} if column is None else dict(groups(board, column)), pairs)),
    ]
    script = files("assay.app").joinpath("templates", "comparison.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = report.page(
        f"{len(board.systems)} systems compared",
        parts,
        template="comparison.html.j2",
        script=Markup(script),
        digest=Markup(digest),
        data=Markup(_json(_data(board, beside, measures))),
        lead=Markup.escape(_lead(board, beside, measures[0])),
    )
    write_text(path, page)


def _systems(board: Scoreboard, leaders: Mapping[str, Sequence[Leader]]) -> Section:
    lead = f"{words.counted(len(board.request), 'request')} of {words.counted(board.users, 'user')}"
    where = f", on {board.benchmark}" if board.benchmark else ""
    figures = [trust.leaders(lines, name, f"plot-systems-{k}") for k, (name, lines) in enumerate(leaders.items())]
    return Section(f"{lead}{where}. Means over requests with 95 % intervals, clustered by user.", figures=figures)


def _pairs(boards: Mapping[str | None, Scoreboard], pairs: Sequence[Mapping[str, Any]]) -> Section:
    """boards: by group, or one."""
    columns = [Column("pair"), *([Column("group")] if "group" in pairs[0] else []), Column("measure")]
    columns += [Column(name, number=True) for name in ("better", "equal", "worse", "difference (95 %)", "p (Holm)")]
    lead = "On how many requests the first of a pair scores better than the second, the same, or worse."
    return Section(lead, tables=[Table(columns, [_pair(boards[pair.get("group")], pair) for pair in pairs])])


def _pair(board: Scoreboard, pair: Mapping[str, Any]) -> list[Cell]:
    names: Cell = [[Span(pair["b"], "name"), Span(" − "), Span(pair["a"], "name")]]
    difference = words.estimate(pair["difference"], pair["low"], pair["high"], sign=True)
    figures = [pair["measure"], *_wins(board, pair), difference, words.figure(pair["p_holm"])]
    return [names, *([str(pair["group"])] if "group" in pair else []), *figures]


def _wins(board: Scoreboard, pair: Mapping[str, Any]) -> list[str]:
    a, b = (board.of(pair["measure"])[board.number(pair[side])] for side in ("a", "b"))
    return [words.count(int(np.count_nonzero(rows))) for rows in (b > a, b == a, b < a)]


def _lead(board: Scoreboard, beside: SideBySide, measure: str) -> str:
    n, all_of_them = len(beside.rows), len(board.request)
    which = "All requests" if n == all_of_them else f"{words.count(n)} of {words.count(all_of_them)} requests"
    return (
        f"{which}, those first on which the systems' {measure} differs most. Choose one to see its rankings; was 3 says that an "
        "item stands third in the first of them."
    )


def _data(board: Scoreboard, beside: SideBySide, measures: Sequence[str]) -> dict[str, Any]:
    """What the script reads: ids once, then numbers that point at them."""
    scores = {name: board.take_systems(beside.systems).of(name)[:, beside.rows].round(_DIGITS).tolist() for name in measures}
    grades: list[list[float]] = [[] for _ in beside.rows]
    for request, item, grade in zip(beside.judged_request, beside.judged_item, beside.judged_grade.tolist(), strict=True):
        grades[request] += [int(item), int(grade) if grade.is_integer() else grade]
    lists = [[[code for code in codes if code >= 0] for codes in system] for system in beside.lists.tolist()]
    requests = board.request.take(beside.rows)
    return {
        "systems": [one_line(name) for name in beside.systems],
        "measures": measures,
        "items": [one_line(name) for name in beside.items.to_pylist()],
        "requests": [one_line(str(name)) for name in requests.to_pylist()],
        "scores": [scores[name] for name in measures],
        "lists": lists,
        "grades": grades,
        "relevant": beside.relevant.tolist(),
    }


def _json(value: Any) -> str:
    r"""Compact JSON that holds no markup: <, > and & as \uXXXX."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_MARKUP)
