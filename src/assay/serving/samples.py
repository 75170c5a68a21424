"""Training samples with their values, filtered, in an order, by the page."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import InputError, NotThereError, did_you_mean
from assay.findings.labels import Wording
from assay.findings.rules import mine
from assay.findings.segments import attributes
from assay.finished import Finished
from assay.importance.stored import values_file
from assay.importance.valuer import Importance
from assay.language import english
from assay.numerics.periods import periods_of, start
from assay.pages.serving import SamplesPage, ValuedSample
from assay.selection.marks import DECISIONS, Standing
from assay.serving.stored import HASHED, known_user

Sort = Literal["value", "-value", "z", "-z", "period", "-period"]
MarkedAs = Literal["keep", "halve", "drop", "wrong_label", "any", "none"]
_COLUMNS = ["sample_id", "user_id", "item_id", "user_code", "item_code", "period", "label", "split"]
_WEIGHTS = "selection/weights.parquet"


@dataclass(frozen=True)
class Filter:
    """Which samples are asked for; None: any. user, item: ids as text. period: a day of it. label: 0 or 1.

    value, z: (least, most), ends included; None where there is no end. A sample whose z is unknown fits no span of z. rule: the
    sentence of one of the run's rules.
    """

    user: str | None = None
    item: str | None = None
    category: str | None = None
    period: date | None = None
    label: int | None = None
    value: tuple[float | None, float | None] = (None, None)
    z: tuple[float | None, float | None] = (None, None)
    rule: str | None = None

    def told(self) -> dict[str, str | float]:
        """What is asked for, by the names that the API has for it."""
        (value_min, value_max), (z_min, z_max) = self.value, self.z
        week = None if self.period is None else self.period.isoformat()
        named: dict[str, str | float | None] = {
            "user": self.user,
            "item": self.item,
            "category": self.category,
            "week": week,
            "label": self.label,
        }
        named |= {"value_min": value_min, "value_max": value_max, "z_min": z_min, "z_max": z_max, "rule": self.rule}
        return {name: end for name, end in named.items() if end is not None}


class Ruled:
    """Which training samples the run's rules describe: `run.at_hand(Ruled)`. It reads all of them, which takes seconds."""

    def __init__(self, run: Finished) -> None:
        described = attributes(run.train, Wording.of(run, run.config))
        self._sample_id = run.train.sample_id
        self._matches = {rule.sentence: rule.matches(described) for rule in mine(described, run.importance())}

    def rows(self, rule: str, sample_id: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) which samples a rule describes. NotThereError: the run has no such rule."""
        if rule not in self._matches:
            close = did_you_mean(rule, self._matches)
            raise NotThereError(english("the run has no rule {name}{hint}", name=repr(rule[:200]), hint=close))
        return np.isin(sample_id, self._sample_id[self._matches[rule]])


class Training:
    """Keys of the training samples and their weights after selection, read once: `run.at_hand(Training)`."""

    def __init__(self, run: Finished) -> None:
        amounts = ["amount"] if run.task.label.has_amounts else []
        table = run.read_table("samples/samples.parquet", [*_COLUMNS, *amounts])
        self.keys = table.filter(pc.equal(table.column("split"), "train")).drop_columns(["split"]).combine_chunks()
        self.period_days = run.config.samples.period_days
        self.sample_id = self.keys.column("sample_id").to_numpy()
        self.period = self.keys.column("period").to_numpy()
        self.weight: NDArray[np.float64] | None = None
        if run.exists(_WEIGHTS):
            weights = run.read_table(_WEIGHTS, ["sample_id", "weight"])
            at = pc.index_in(self.keys.column("sample_id"), weights.column("sample_id").combine_chunks())
            self.weight = weights.column("weight").take(at).to_numpy()
        self.items: pa.Table | None = run.items
        self._values: dict[str, Valued] = {}

    def valued(self, run: Finished, valuer: str) -> "Valued":
        """The values of a valuer, read once. InputError: the run has none by it."""
        if valuer not in self._values:
            names = [name for name in run.config.value.valuers if run.exists(f"{values_file(name)}.parquet")]
            if valuer not in names:
                raise NotThereError(
                    english(
                        "the run has no values by {name}{hint}; it has {names}",
                        name=repr(valuer[:80]),
                        hint=did_you_mean(valuer, names),
                        names=", ".join(names),
                    )
                )
            self._values[valuer] = Valued(self.keys, run.importance(valuer))
        return self._values[valuer]

    def rows(self, run: Finished, chosen: Filter) -> NDArray[np.bool_]:
        """(n,) which samples fit, as far as values do not decide."""
        fits = np.ones(len(self.keys), bool)
        if chosen.user is not None:
            fits &= self._is("user_id", _user(run, chosen.user))
        if chosen.item is not None:
            fits &= self._is("item_id", chosen.item, hashed=run.config.show.hash_ids)
        if chosen.category is not None:
            of_category = self._categories(chosen.category)
            fits &= of_category[self.keys.column("item_code").to_numpy()]
        if chosen.period is not None:
            instant = pa.array([chosen.period]).cast(pa.timestamp("us", tz="UTC"))
            fits &= self.period == periods_of(pa.chunked_array([instant]), self.period_days)[0]
        if chosen.label is not None:
            fits &= self.keys.column("label").to_numpy() == chosen.label
        if chosen.rule is not None:
            fits &= run.at_hand(Ruled).rows(chosen.rule, self.sample_id)
        return fits

    def _is(self, column: str, wanted: str, *, hashed: bool = False) -> NDArray[np.bool_]:
        ids = self.keys.column(column)
        distinct = pc.unique(ids)
        texts = {str(ident): ident for ident in distinct.to_pylist()}
        if hashed:
            texts |= {HASHED.ident(ident): ident for ident in distinct.to_pylist()}
        if wanted not in texts:
            return np.zeros(len(ids), bool)
        return np.asarray(pc.fill_null(pc.equal(ids, pa.scalar(texts[wanted], ids.type)), False).to_numpy())

    def _categories(self, category: str) -> NDArray[np.bool_]:
        if self.items is None:
            raise InputError(english("a table of labelled samples has no categories; leave category out"))
        return np.asarray(pc.fill_null(pc.equal(self.items.column("category"), category), False).to_numpy())


class Valued:
    """Values in the order of the training samples. value, stderr, z (n,): NaN where unknown."""

    def __init__(self, keys: pa.Table, values: Importance) -> None:
        at = pc.index_in(keys.column("sample_id"), pa.array(values.sample_id)).to_numpy()
        table = values.table()
        self.value, self.stderr, self.z = (table.column(name).to_numpy()[at] for name in ("value", "stderr", "z"))
        self._orders: dict[str, NDArray[np.int64]] = {}

    def rows(self, chosen: Filter) -> NDArray[np.bool_]:
        """(n,) whose value and z fit."""
        fits = np.ones(len(self.value), bool)
        for (least, most), column in ((chosen.value, self.value), (chosen.z, self.z)):
            if least is not None:
                fits &= column >= least
            if most is not None:
                fits &= column <= most
        return fits

    def order(self, sort: Sort, period: NDArray[Any]) -> NDArray[np.int64]:
        """(n,) rows in an order, NaN last; kept."""
        if sort not in self._orders:
            column = {"value": self.value, "z": self.z, "period": period}[sort.removeprefix("-")]
            keyed = column.astype(np.float64)
            self._orders[sort] = np.argsort(-keyed if sort.startswith("-") else keyed, kind="stable")
        return self._orders[sort]


def fitting(run: Finished, chosen: Filter, valuer: str | None = None) -> NDArray[np.int64]:
    """Ids of all samples that fit; errors as `samples`."""
    training = run.at_hand(Training)
    fits = training.rows(run, chosen) & training.valued(run, valuer or run.config.select.valuer).rows(chosen)
    return np.asarray(training.sample_id[fits])


def samples(
    run: Finished,
    chosen: Filter,
    *,
    valuer: str | None = None,
    sort: Sort = "value",
    page: int = 1,
    size: int = 50,
    marks: Standing | None = None,
    mark: MarkedAs | None = None,
) -> SamplesPage:
    """One page of the samples that fit, the most harmful first unless `sort` says else.

    marks: what people said of samples. mark: only what was marked so, or marked at all, or not.
    NotThereError: no values by this valuer, or no such rule. InputError: the run has valued nothing.
    """
    name = valuer or run.config.select.valuer
    training = run.at_hand(Training)
    values = training.valued(run, name)
    fits = training.rows(run, chosen) & values.rows(chosen)
    standing = Standing.after([]) if marks is None else marks
    if mark is not None:
        said = standing.of(training.sample_id)
        fits &= said == DECISIONS.index(mark) if mark in DECISIONS else (said >= 0) == (mark == "any")
    order = values.order(sort, training.period)
    rows = order[fits[order]]
    few = rows[(page - 1) * size : page * size]
    lines = _lines(run, training, values, few, standing)
    return SamplesPage(
        valuer=name, labels=run.task.label.name, unit=_unit(run), total=len(rows), page=page, size=size, sort=sort, samples=lines
    )


def _unit(run: Finished) -> str | None:
    """What amounts are of: the column of a table, or what is summed; None where labels are no amounts."""
    if run.task.label.is_chance:
        return None
    return run.config.samples.amount if run.config.table is None else run.config.table.label


def _lines(run: Finished, training: Training, values: Valued, rows: NDArray[np.int64], marks: Standing) -> list[ValuedSample]:
    said = marks.of(training.sample_id[rows]).tolist()
    wording, items = Wording(hash_ids=run.config.show.hash_ids), training.items
    keys = training.keys.take(pa.array(rows)).to_pylist()
    described: list[dict[str, Any]] = [{} for _ in keys]
    if items is not None:
        described = items.select(["name", "category"]).take(pa.array([key["item_code"] for key in keys], pa.int64())).to_pylist()
    return [
        ValuedSample(
            sample_id=key["sample_id"],
            user=wording.ident(key["user_id"]) if wording.hash_ids else key["user_id"],
            item=wording.ident(key["item_id"]) if wording.hash_ids else key["item_id"],
            name=about.get("name"),
            category=about.get("category"),
            period=start(key["period"], training.period_days).date().isoformat(),
            label=int(key["label"]),
            amount=key.get("amount"),
            weight=None if training.weight is None else float(training.weight[row]),
            value=float(values.value[row]),
            stderr=_number(values.stderr[row]),
            z=_number(values.z[row]),
            mark=None if decision < 0 else DECISIONS[decision],
        )
        for row, key, about, decision in zip(rows, keys, described, said, strict=True)
    ]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _user(run: Finished, user_id: str) -> str:
    """The id as the log holds it, as text; itself where the log does not know it."""
    known = known_user(run, user_id)
    return user_id if known is None else str(known)
