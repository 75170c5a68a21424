"""What was read, cleaned, sampled and spent."""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.app import words
from assay.app.sections.facts import Facts
from assay.language import later, listed, paragraph, say
from assay.language.retelling import retell
from assay.pages.evaluation import Leaks
from assay.pages.log import Cleaned
from assay.pages.samples import SamplesMade
from assay.runs.costs import BY_STAGE
from assay.runs.section import Column, CurvePlot, Figure, Row, RowPlot, Section, Series, Table
from assay.tables import SPLITS

_STEPS = {
    "unreadable": later("unreadable"),
    "times": later("wrong times"),
    "impossible": later("impossible"),
    "duplicates": later("duplicates"),
    "lines": later("lines"),
    "repeats": later("repeats"),
    "returns": later("returns"),
    "robots": later("robots"),
    "rare": later("rare"),
}  # of cleaning
_LABELS = 6  # on an axis of steps
_SPLITS = {
    "train": later("train"),
    "validation": later("validation"),
    "tuning": later("tuning"),
    "test": later("test"),
}
_KEYS = {
    "rows": later("rows"),
    "share_of_positives": later("share of positives"),
    "amounts": later("amounts"),
    "mean": later("mean"),
    "median_above_0": later("median above 0"),
    "most": later("most"),
    "columns": later("columns"),
    "entries_a_row": later("entries a row"),
    "splits": later("splits"),
    "from": later("first day"),
    "to": later("last day"),
    "periods": later("periods"),
    "positives": later("positives"),
    "positives_not_on_sale": later("positives not on sale"),
    "positives_not_candidates": later("positives not candidates"),
    "negatives": later("negatives"),
    "negatives_rate": later("negatives rate"),
    "by_source": later("by source"),
    "rate": later("rate"),
    "negatives_not_found": later("negatives not found"),
    "ratio": later("ratio"),
    "candidates": later("candidates"),
    "requests": later("requests"),
    "candidates_a_request": later("candidates a request"),
    "recall": later("recall"),
    "all": later("all"),
    "recall_of_parts": later("recall of parts"),
    "new": later("new"),
    "repeat": later("repeat"),
    "candidate_sizes": later("candidate sizes"),
    "searches": later("searches"),
    "sessions": later("sessions"),
    "position_bias": later("position bias"),
    "method": later("method"),
    "clip": later("clip"),
    "clipped": later("clipped"),
    "effective_positives": later("effective positives"),
    "effective_rows": later("effective rows"),
    "why_not": later("why not"),
    "exposure": later("exposure"),
    "clicked": later("clicked"),
    "popularity": later("popularity"),
    "history": later("history"),
    "category": later("category"),
    "retrieval": later("retrieval"),
    "candidate": later("candidate"),
}  # of the account
_NO_LEAKS = later(
    "No leaks were found: no overlap of the splits in time, no sample or request in two places, no feature that is "
    "the label in disguise, no period with unlike negatives."
)
_NO_LEAKS_UNTIMED = later("No leaks were found: no row in two places, no feature that is the label in disguise.")


def log(facts: Facts) -> Section | None:
    """What was read, and what each cleaning step took out."""
    account = facts.page(Cleaned)
    if account is None:
        return None
    steps = [
        Row(
            label=say(_STEPS[step.step]) if step.step in _STEPS else step.step,
            note=retell(step.why),
            value=float(step.rejected),
            shown=say("{count} of {of}", count=words.count(step.rejected), of=words.count(step.rows_in)),
            tone="harmful",
        )
        for step in account.steps
    ]
    share = words.percent(account.events / account.rows_read) if account.rows_read else words.NONE
    lead = say(
        "{read} rows were read and {kept} kept ({share}), from {first} to {last}. Every row taken out is in rejected.parquet "
        "with its reason.",
        read=words.count(account.rows_read),
        kept=words.count(account.events),
        share=share,
        first=words.day(account.from_),
        last=words.day(account.to),
    )
    return Section(lead, figures=[Figure([RowPlot("plot-cleaning", steps, stem=True)])])


def _flat(value: Any, where: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(where, what) of every number and text in nested mappings; lists are left out."""
    if isinstance(value, Mapping):
        return [line for key in value for line in _flat(value[key], [*where, _key(key)])]
    name = listed(where)
    if words.known(value):
        return [(name, words.count(value) if isinstance(value, int) else words.plain(value))]
    return [] if value is None or isinstance(value, list) else [(name, str(value))]


def _key(key: str) -> str:
    """A key of the account in words; names of sources stay."""
    words_of = _SPLITS | _KEYS
    return say(words_of[key]) if key in words_of else key


def samples(facts: Facts) -> Section | None:
    """How many samples each split has, leaks, and the account of how they were made."""
    account, leaks = facts.page(SamplesMade), facts.page(Leaks)
    if account is None:
        return None
    splits = [
        Row(say(_SPLITS[name]), float(account.rows[name]), shown=words.count(account.rows[name]), tone="useful")
        for name in SPLITS
        if name in account.rows
    ]
    leak_lines = [] if leaks is None else leaks.lines
    columns = [Column(""), Column("", number=True)]
    points = [words.left_over(account, facts.page(Cleaned)), words.exposures(account)]
    return Section(
        say(_NO_LEAKS if facts.timed else _NO_LEAKS_UNTIMED) if leaks is not None and not leak_lines else "",
        findings=[("bad", paragraph([retell(leak.message), retell(leak.mend)])) for leak in leak_lines],
        points=[point for point in points if point],
        figures=[Figure([RowPlot("plot-splits", splits, stem=True)]), *_candidates(account)],
        tables=[Table(columns, _flat(account.content()), folded=say("How they were made"), place="page")],
    )


def _candidates(account: SamplesMade) -> list[Figure]:
    """How recall grows with candidates on tuning; the points of a source are where it gave the last of them."""
    if not account.candidate_steps:
        return []
    steps = account.candidate_steps
    of_source: dict[str, list[tuple[int, float | None, float | None, float | None]]] = {}
    for place, step in enumerate(steps):
        of_source.setdefault(step.source, []).append((place, step.recall, None, None))
    series = [Series(say("more of {name}", name=name), points) for name, points in of_source.items()]
    every = -(-len(steps) // _LABELS)
    names = [f"{step.candidates:.0f}" if place % every == 0 else "" for place, step in enumerate(steps)]
    plot = CurvePlot("plot-candidates", names, series, say("candidates per request"), say("recall of all sources, tuning"))
    chosen = listed(f"{name} {size}" for name, size in (account.candidate_sizes or {}).items() if size)
    return [Figure([plot], say("Candidates"), say("Places of a usual request: {places}", places=chosen))]


def costs(facts: Facts) -> Section | None:
    """Time, processor time, memory and what was written, by stage: the only part that differs from run to run."""
    cost = facts.run.costs()
    seconds = cost["seconds"]
    if not seconds:
        return None
    lines = [Row(stage, float(spent), shown=words.duration(spent), tone="useful") for stage, spent in seconds.items()]
    lines.sort(key=lambda line: (-line.value, line.label))
    spent, most = words.duration(sum(seconds.values())), words.memory(cost["peak_rss_mb"])
    lead = say("{time} in all, at most {memory} of memory.", time=spent, memory=most)
    return Section(lead, figures=[Figure([RowPlot("plot-costs", lines, stem=True)])], tables=[_by_stage(cost)])


def _by_stage(cost: Mapping[str, Any]) -> Table:
    """What each stage cost; a dash where a former version did not measure it."""
    heads = (say("stage"), say("time"), say("processor time"), say("memory at its peak"), say("written"))
    rows = []
    for stage in cost["seconds"]:
        seconds, processor, peak, written = (cost[name].get(stage) for name in BY_STAGE)
        size = words.memory(None if written is None else written / 2**20)
        rows.append((stage, words.duration(seconds), words.duration(processor), words.memory(peak), size))
    return Table([Column(name, number=place > 0) for place, name in enumerate(heads)], rows, folded=say("By stage"))
