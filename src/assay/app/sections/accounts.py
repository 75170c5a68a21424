"""What was read, cleaned, sampled and spent."""

from collections.abc import Mapping
from typing import Any

from assay.app import words
from assay.app.sections.facts import Facts
from assay.pages.evaluation import Leaks
from assay.pages.log import Cleaned
from assay.pages.samples import SamplesMade
from assay.runs.section import Column, CurvePlot, Figure, Row, RowPlot, Section, Series, Table
from assay.tables import SPLITS

_LABELS = 6  # on an axis of steps
_NO_LEAKS = (
    "No leaks were found: no overlap of the splits in time, no sample or request in two places, no feature that is "
    "the label in disguise, no period with unlike negatives."
)
_NO_LEAKS_UNTIMED = "No leaks were found: no row in two places, no feature that is the label in disguise."


def log(facts: Facts) -> Section | None:
    """What was read, and what each cleaning step took out."""
    account = facts.page(Cleaned)
    if account is None:
        return None
    steps = [
        Row(
            label=step.step,
            note=step.why,
            value=float(step.rejected),
            shown=f"{words.count(step.rejected)} of {words.count(step.rows_in)}",
            tone="harmful",
        )
        for step in account.steps
    ]
    share = words.percent(account.events / account.rows_read) if account.rows_read else words.NONE
    lead = (
        f"{words.count(account.rows_read)} rows were read and {words.count(account.events)} kept ({share}), from "
        f"{words.day(account.from_)} to {words.day(account.to)}. "
        "Every row taken out is in rejected.parquet with its reason."
    )
    return Section(lead, figures=[Figure([RowPlot("plot-cleaning", steps, stem=True)])])


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """(where, what) of every number and text in nested mappings; lists are left out."""
    if isinstance(value, Mapping):
        return [line for key in value for line in _flat(value[key], f"{prefix}, {key}" if prefix else str(key))]
    name = prefix.replace("_", " ")
    if words.known(value):
        return [(name, words.count(value) if isinstance(value, int) else words.plain(value))]
    return [] if value is None or isinstance(value, list) else [(name, str(value))]


def samples(facts: Facts) -> Section | None:
    """How many samples each split has, leaks, and the account of how they were made."""
    account, leaks = facts.page(SamplesMade), facts.page(Leaks)
    if account is None:
        return None
    splits = [
        Row(name, float(account.rows[name]), shown=words.count(account.rows[name]), tone="useful")
        for name in SPLITS
        if name in account.rows
    ]
    leak_lines = [] if leaks is None else leaks.lines
    columns = [Column(""), Column("", number=True)]
    points = [words.left_over(account, facts.page(Cleaned)), words.exposures(account)]
    return Section(
        (_NO_LEAKS if facts.timed else _NO_LEAKS_UNTIMED) if leaks is not None and not leak_lines else "",
        findings=[("bad", f"{leak.message} {leak.mend}") for leak in leak_lines],
        points=[point for point in points if point],
        figures=[Figure([RowPlot("plot-splits", splits, stem=True)]), *_candidates(account)],
        tables=[Table(columns, _flat(account.content()), folded="How they were made", place="page")],
    )


def _candidates(account: SamplesMade) -> list[Figure]:
    """How recall grows with candidates on tuning; the points of a source are where it gave the last of them."""
    if not account.candidate_steps:
        return []
    steps = account.candidate_steps
    of_source: dict[str, list[tuple[int, float | None, float | None, float | None]]] = {}
    for place, step in enumerate(steps):
        of_source.setdefault(step.source, []).append((place, step.recall, None, None))
    series = [Series(f"more of {name}", points) for name, points in of_source.items()]
    every = -(-len(steps) // _LABELS)
    names = [f"{step.candidates:.0f}" if place % every == 0 else "" for place, step in enumerate(steps)]
    plot = CurvePlot("plot-candidates", names, series, "candidates per request", "recall of all sources, tuning")
    chosen = ", ".join(f"{name} {size}" for name, size in (account.candidate_sizes or {}).items() if size)
    return [Figure([plot], "Candidates", f"Places of a usual request: {chosen}")]


def costs(facts: Facts) -> Section | None:
    """Seconds of each stage and the peak of memory: the only part that differs from run to run."""
    cost = facts.run.costs()
    seconds = cost["seconds"]
    if not seconds:
        return None
    lines = [Row(stage, float(spent), shown=words.duration(spent), tone="useful") for stage, spent in seconds.items()]
    lines.sort(key=lambda line: (-line.value, line.label))
    lead = f"{words.duration(sum(seconds.values()))} in all, at most {words.memory(cost['peak_rss_mb'])} of memory."
    return Section(lead, figures=[Figure([RowPlot("plot-costs", lines, stem=True)])])
