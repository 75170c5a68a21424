"""What each part of the report says: artefacts in, plots and words for the template out.

Every function returns None when the artefacts it needs are not there, and the page leaves that part out.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from markupsafe import Markup

from assay.app import plots, words
from assay.app.plots import Row, Series
from assay.store import Run

Part = dict[str, Any]
USERS_SHOWN = 10
EXAMPLES_SHOWN = 10
ARMS = ("full", "selected", "random", "recency", "popularity", "loss")
UNITS = {
    "user": "Users",
    "item": "Items",
    "category": "Categories",
    "department": "Departments",
    "week": "Weeks",
}


class Facts:
    """A run's artefacts, and ids as they may be shown."""

    def __init__(self, run: Run, *, hash_ids: bool = False) -> None:
        self.run, self.hash_ids = run, hash_ids
        self.summary: Mapping[str, Any] = self.json("summary.json") or {}

    def json(self, name: str) -> Any:
        """Content of a JSON artefact; None when it is not there."""
        return self.run.read_json(name) if self.run.path(name).exists() else None

    def shown(self, ident: object) -> str:
        """An id as it may be shown: itself, or 12 hexadecimal digits of its SHA-256."""
        text = str(ident)
        return hashlib.sha256(text.encode()).hexdigest()[:12] if self.hash_ids else text

    def item_names(self, ids: Iterable[object]) -> dict[str, str]:
        """Readable names of those items that have one, by the text of their id."""
        path = self.run.path("clean/items.parquet")
        if not path.exists():
            return {}
        items = pq.read_table(path, columns=["item_id", "name"])
        wanted = pa.array(sorted({str(i) for i in ids}), pa.string())
        text = pc.cast(items.column("item_id"), pa.string())
        found = items.set_column(0, "item_id", text).filter(pc.is_in(text, wanted)).to_pylist()
        return {row["item_id"]: row["name"] for row in found if row["name"]}


def _interval(entry: Mapping[str, Any] | None) -> tuple[Any, Any, Any]:
    entry = entry or {}
    return entry.get("value"), entry.get("low"), entry.get("high")


def _scaled(entry: Mapping[str, Any], factor: float) -> tuple[float, float | None, float | None]:
    value, low, high = (v * factor if words.known(v) else None for v in _interval(entry))
    return value if value is not None else float("nan"), low, high


def _tone(value: Any) -> str:
    return "harmful" if words.known(value) and value < 0 else "useful"


def headline(facts: Facts) -> Part | None:
    """The findings in sentences, and the run in a few large numbers."""
    summary = facts.summary
    if not summary:
        return None
    findings = [words.finding(model, entry) for model, entry in sorted(summary.get("selection", {}).items())]
    rules = [rule for rule in facts.json("selection/rules.json") or [] if rule.get("confirmed")]
    findings += [
        (
            "bad",
            f"A slice of the log costs more than it gives: {rule['rule']} ({words.percent(rule.get('share'))} of "
            f"training samples, confirmed on other folds). {rule.get('advice') or ''}".strip(),
        )
        for rule in rules[:3]
    ]
    log, samples = summary.get("log", {}), summary.get("samples", {})
    tiles = [("events kept", words.count(log.get("events"))), ("users", words.count(log.get("users")))]
    tiles += [
        ("items", words.count(log.get("items"))),
        ("training samples", words.count(samples.get("train"))),
    ]
    for measure in ("auc", "ndcg@10"):
        best = words.best_model(summary.get("models", {}), measure)
        if best:
            tiles.append((f"best {measure}: {best[0]}", words.figure(best[1].get("value"))))
    return {"findings": findings, "tiles": [tile for tile in tiles if tile[1] != words.NONE]}


def log(facts: Facts) -> Part | None:
    """What was read, and what each cleaning step took out."""
    account = facts.json("clean/account.json")
    if not account:
        return None
    steps = [
        Row(
            label=str(step.get("step")),
            note=str(step.get("why") or ""),
            value=float(step.get("rejected") or 0),
            shown=f"{words.count(step.get('rejected') or 0)} of {words.count(step.get('rows_in'))}",
            tone="harmful",
        )
        for step in account.get("steps", [])
    ]
    read, kept = account.get("read"), account.get("events")
    share = words.percent(kept / read) if words.known(read) and words.known(kept) and read else words.NONE
    return {
        "lead": f"{words.count(read)} rows were read and {words.count(kept)} kept ({share}), from "
        f"{words.day(account.get('from'))} to {words.day(account.get('to'))}. "
        "Every row taken out is in rejected.parquet with its reason.",
        "plot": plots.rows("plot-cleaning", steps, stem=True),
    }


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [
            line for key in value for line in _flat(value[key], f"{prefix}, {key}" if prefix else str(key))
        ]
    if words.known(value):
        return [
            (prefix.replace("_", " "), words.count(value) if isinstance(value, int) else words.plain(value))
        ]
    return [] if value is None or isinstance(value, list) else [(prefix.replace("_", " "), str(value))]


def samples(facts: Facts) -> Part | None:
    """How many samples each split has, and the account of how they were made."""
    splits = [
        Row(name, float(n), shown=words.count(n), tone="useful")
        for name, n in facts.summary.get("samples", {}).items()
        if words.known(n)
    ]
    order = ["train", "validation", "tuning", "test"]
    splits.sort(key=lambda row: order.index(row.label) if row.label in order else len(order))
    account = _flat(facts.json("samples/account.json") or {})
    if not splits and not account:
        return None
    return {"plot": plots.rows("plot-splits", splits, stem=True), "account": account}


def importance(facts: Facts) -> Part | None:
    """The distribution of the values of each valuer."""
    figures = []
    for name, entry in sorted((facts.json("importance/distribution.json") or {}).items()):
        factor, size = words.unit(entry.get("edges", []))
        figures.append(
            {
                "name": name,
                "lead": f"{words.percent(entry.get('negative_share'))} of training samples have a value below 0.",
                "plot": plots.histogram(
                    f"plot-distribution-{name}",
                    entry.get("edges", []),
                    entry.get("counts", []),
                    x_title=f"value, {size}{entry.get('unit', '')}",
                    factor=factor,
                ),
            }
        )
    return {"figures": figures} if figures else None


def rollups(facts: Facts) -> Part | None:
    """Values added up by user, item, category and week: most useful and most harmful."""
    found = facts.json("importance/rollup.json") or {}
    figures = []
    for key in [unit for unit in UNITS if found.get(unit)]:
        lines = sorted(found[key], key=lambda line: (-float(line.get("value") or 0), str(line.get("name"))))
        names = facts.item_names(line.get("name") for line in lines) if key == "item" else {}
        factor, size = words.unit(line.get("value") for line in lines)
        drawn = []
        for line in lines:
            value, low, high = _scaled(line, factor)
            name = names.get(str(line.get("name")), str(line.get("name")))
            label = facts.shown(name) if key == "user" else name
            shown = words.plain(value)
            drawn.append(
                Row(label, value, low, high, shown, f"{words.count(line.get('rows'))} rows", _tone(value))
            )
        plot = plots.rows(f"plot-rollup-{key}", drawn, stem=True, zero=True)
        figures.append({"name": UNITS[key], "plot": plot, "lead": f"In {size}the utility." if size else ""})
    return {"figures": figures} if figures else None


def examples(facts: Facts) -> Part | None:
    """The most useful and the most harmful samples, in readable words."""
    found = facts.json("importance/examples.json") or {}
    lists = []
    for key, title in (("useful", "Most useful"), ("harmful", "Most harmful")):
        lines = [
            {
                "sentence": line.get("sentence", ""),
                "user": facts.shown(line.get("user")),
                "item": facts.shown(line.get("item")),
                "week": line.get("week"),
                "value": words.plain(line.get("value")),
                "z": words.plain(line.get("z")),
            }
            for line in found.get(key, [])[:EXAMPLES_SHOWN]
        ]
        if lines:
            lists.append({"title": title, "tone": key, "lines": lines})
    return {"lists": lists} if lists else None


def patterns(facts: Facts) -> Part | None:
    """Segments, hours, price bands that carry or cost the most, in plain words."""
    found = [line for line in facts.json("importance/patterns.json") or [] if words.known(line.get("value"))]
    if not found:
        return None
    factor, size = words.unit(line.get("value") for line in found)
    drawn = []
    for line in found:
        value, low, high = _scaled(line, factor)
        note = f"{words.count(line.get('rows'))} rows, {words.percent(line.get('share'))}"
        label = line.get("sentence") or f"{line.get('attribute')}: {line.get('level')}"
        drawn.append(Row(label, value, low, high, words.plain(value), note, _tone(value)))
    return {"plot": plots.rows("plot-patterns", drawn, stem=True, zero=True), "unit": size}


def _curve(arms: Sequence[Mapping[str, Any]], measure: str) -> Markup:
    """Difference to keeping everything, over the share removed; one line for each way of choosing."""
    drawn = [arm for arm in arms if arm.get("removed_fraction") and measure in arm.get("difference", {})]
    fractions = sorted({arm["removed_fraction"] for arm in drawn})
    series = []
    for how in dict.fromkeys(str(arm.get("how")) for arm in drawn):
        own = sorted(
            (a for a in drawn if str(a.get("how")) == how), key=lambda a: float(a["removed_fraction"])
        )
        points = [
            (fractions.index(arm["removed_fraction"]), *_interval(arm["difference"][measure])) for arm in own
        ]
        series.append(Series(how, points))
    if not series:
        return Markup("")
    return plots.curve(
        f"plot-curve-{measure}",
        [words.percent(f) for f in fractions],
        series,
        x_title="share of training samples removed",
        y_title=f"change of {measure} on tuning",
    )


def curve(facts: Facts) -> Part | None:
    """How tuning scores change with what is removed or re-weighted."""
    found = facts.json("selection/curve.json") or {}
    arms = found.get("arms", [])
    measures = words.ordered({m for arm in arms for m in arm.get("difference", {})})
    shown = [m for m in measures if m in words.PREFERRED] or measures[:2]
    if not shown:
        return None
    kept_all = [arm for arm in arms if not arm.get("removed_fraction") and arm.get("difference")]
    figures = []
    for measure in shown:
        others = [
            Row(str(arm.get("arm")), *_scaled(arm["difference"][measure], 1.0), tone=f"s{n % 6}")
            for n, arm in enumerate(kept_all)
            if measure in arm["difference"]
        ]
        others = [line for line in others if line.value or line.low]  # "nothing" differs from itself by 0
        rows = plots.rows(f"plot-arms-{measure}", others, zero=True)
        figures.append(
            {"name": measure, "meaning": words.meaning(measure), "plot": _curve(arms, measure) + rows}
        )
    return {"figures": figures, "chosen": found.get("chosen"), "valuer": found.get("valuer")}


def rules(facts: Facts) -> Part | None:
    """Rules of a few words that describe low-valued samples."""
    lines = [
        {
            "rule": line.get("rule", ""),
            "rows": words.count(line.get("rows")),
            "share": words.percent(line.get("share")),
            "z": words.plain(line.get("z")),
            "confirmed": "yes" if line.get("confirmed") else "no",
            "advice": line.get("advice") or "",
        }
        for line in facts.json("selection/rules.json") or []
    ]
    return {"lines": lines} if lines else None


def _arms(facts: Facts, ident: str, arms: Mapping[str, Any], order: Sequence[str]) -> list[Part]:
    """One plot a measure over the arms of one experiment."""
    names = [arm for arm in order if arm in arms] + sorted(set(arms) - set(order))
    measures = words.ordered({m for arm in arms.values() for m in arm})
    figures = []
    for measure in [m for m in measures if m in words.PREFERRED] or measures[:2]:
        lines = [
            Row(
                name,
                *_scaled(arms[name][measure], 1.0),
                tone={"full": "ink", "selected": "s1"}.get(name, "s0"),
            )
            for name in names
            if measure in arms[name]
        ]
        plot = plots.rows(f"{ident}-{measure}", lines)
        figures.append({"name": measure, "meaning": words.meaning(measure), "plot": plot})
    return figures


def verdict(facts: Facts) -> Part | None:
    """Selected against all data and the simple ways, on test, once."""
    groups = []
    for model, entry in sorted(facts.summary.get("selection", {}).items()):
        _, sentence = words.finding(model, entry)
        figures = _arms(facts, f"plot-verdict-{model}", entry.get("test", {}), ARMS)
        groups.append({"name": model, "sentence": sentence, "figures": figures})
    subsample = facts.summary.get("subsample") or {}
    if subsample.get("test"):
        share = words.percent(subsample.get("fraction"))
        sentence = (
            f"Trained on {share} of the samples: a uniform draw, a draw weighted by importance, and all."
        )
        figures = _arms(facts, "plot-subsample", subsample["test"], ("all", "weighted", "uniform"))
        groups.append({"name": "A smaller training set", "sentence": sentence, "figures": figures})
    return {"groups": groups} if groups else None


def models(facts: Facts) -> Part | None:
    """Every model on test, one plot a measure; the rest of the measures as a table."""
    found = {name: m.get("test", {}) for name, m in sorted(facts.summary.get("models", {}).items())}
    measures = words.ordered({m for test in found.values() for m in test})
    if not measures:
        return None
    first = [m for m in measures if m in words.PREFERRED] or measures[:2]
    figures = []
    for measure in first:
        best = words.best_model(facts.summary["models"], measure)
        lines = [
            Row(name, *_scaled(test[measure], 1.0), tone="s1" if best and best[0] == name else "s0")
            for name, test in found.items()
            if measure in test
        ]
        lower = measure in words.LOWER_IS_BETTER
        lines.sort(key=lambda row: (row.value if lower else -row.value, row.label))
        plot = plots.rows(f"plot-models-{measure}", lines)
        figures.append({"name": measure, "meaning": words.meaning(measure), "plot": plot})
    table = [[m, *(words.estimate(*_interval(found[name].get(m))) for name in found)] for m in measures]
    return {"figures": figures, "names": list(found), "table": table}


def slices(facts: Facts) -> Part | None:
    """Where the models do better and worse."""
    found = facts.json("evaluation/slices.json") or []
    measures = words.ordered({line.get("measure") for line in found if words.known(line.get("value"))})
    if not measures:
        return None
    measure = measures[0]
    figures = []
    lines = [line for line in found if line.get("measure") == measure]
    models = list(dict.fromkeys(str(line.get("model")) for line in lines))
    for n, name in enumerate(dict.fromkeys(str(line.get("slice")) for line in lines)):
        drawn = [
            Row(
                str(line.get("level") if line.get("level") is not None else "unknown"),
                *_scaled(line, 1.0),
                note=f"{line.get('model')}, {words.count(line.get('rows'))} rows",
                tone=f"s{models.index(str(line.get('model'))) % 6}",
            )
            for line in lines
            if str(line.get("slice")) == name
        ]
        figures.append({"name": name.replace("_", " "), "plot": plots.rows(f"plot-slice-{n}", drawn)})
    return {"figures": figures, "measure": measure, "meaning": words.meaning(measure)}


def calibration(facts: Facts) -> Part | None:
    """Whether a probability means what it says."""
    figures = []
    for name, points in sorted((facts.json("evaluation/calibration.json") or {}).items()):
        drawn = [(p.get("predicted"), p.get("observed"), p.get("rows")) for p in points]
        figures.append({"name": name, "plot": plots.calibration(f"plot-calibration-{name}", drawn)})
    return {"figures": figures} if figures else None


def recommendations(facts: Facts) -> Part | None:
    """The first users' lists, with readable names and reasons."""
    path = facts.run.path("recommendations.parquet")
    if not path.exists():
        return None
    lists: dict[object, list[Part]] = {}
    for batch in pq.ParquetFile(path).iter_batches(batch_size=4096):
        for row in batch.to_pylist():
            if row["user_id"] not in lists and len(lists) == USERS_SHOWN:
                break
            line = {
                "rank": row["rank"],
                "name": row.get("name") or facts.shown(row["item_id"]),
                "category": row.get("category") or "",
                "reason": row.get("reason") or "",
            }
            lists.setdefault(row["user_id"], []).append(line)
        else:
            continue
        break
    shown = [
        {"user": facts.shown(user), "lines": sorted(lines, key=lambda line: int(line["rank"]))}
        for user, lines in lists.items()
    ]
    return {"users": shown, **facts.summary.get("recommendations", {})} if shown else None


def costs(facts: Facts) -> Part | None:
    """Seconds of each stage and the peak of memory: the only part that differs from run to run."""
    cost = facts.json("cost.json")
    if not cost:
        return None
    seconds = cost.get("seconds", {})
    lines = [Row(stage, float(s), shown=words.duration(s), tone="useful") for stage, s in seconds.items()]
    lines.sort(key=lambda row: (-row.value, row.label))
    total = words.duration(sum(seconds.values()))
    lead = f"{total} in all, at most {words.memory(cost.get('peak_rss_mb'))} of memory."
    return {"lead": lead, "plot": plots.rows("plot-costs", lines, stem=True)}
