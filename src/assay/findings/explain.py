"""Why a sample is worth what it is, and which samples made a recommendation: influence taken apart.

A value is a sum over validation rows and, at the same time, a sum over the sample's own columns: both are shown. A
recommendation's score is taken apart in the other direction, into the training samples that it rests on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.findings.examples import sentence
from assay.findings.labels import Wording, matrix_column
from assay.importance.neighbours import scaled
from assay.importance.utilities import SQUARED_ERROR, parse
from assay.importance.values import Vector
from assay.models.linear import LinearModel
from assay.numerics.periods import start
from assay.numerics.products import margins
from assay.pages.values import ColumnPart, Neighbour, RequestPart, Support, Why, WhyScore
from assay.samples.table import Samples


@dataclass(frozen=True)
class Move:
    """What leaving out one training row does: its pull r / (1 - D h), and the step (p,) of the coefficients."""

    pull: float
    step: Vector
    probability: float
    leverage: float


def leave_out(model: LinearModel, train: Samples, row: int) -> Move:
    """The move of the coefficients without a row; see importance.influence."""
    assert model.coef_ is not None
    x = train.matrix()[[row]]
    dense = np.zeros(x.shape[1])
    dense[x.indices] = x.data
    solved = np.asarray(model.curve(train).solve(dense))
    p, h = model.family.mean(margins(x, model.coef_)), dense[None, :] @ solved
    pulled = float(model.family.pull(p, train.response[[row]], train.weight[[row]], h)[0])
    return Move(pulled, solved * pulled, float(p[0]), float(h[0]))


def explain_sample(
    model: LinearModel,
    train: Samples,
    validation: Samples,
    row: int,
    names: Mapping[int, str],
    wording: Wording,
    shown: int = 5,
    *,
    neighbours: bool = True,
) -> Why:
    """Take a training sample's value apart, in nats per validation row; of continuous labels in mse or mae, as influence does.

    helped, hurt: the validation requests whose loss would rise or fall most without it, with their share of the value.
    neighbours (unless left out): the nearest training samples by scaled dense features. columns: the sample's own columns
    and their part of the value, largest first; helped and hurt over all requests, and columns, each sum to the value.
    """
    assert model.coef_ is not None
    move = leave_out(model, train, row)
    X_val = validation.matrix()
    utility, moved = parse(train.label_type.loss, model.family), margins(X_val, move.step)
    slope = utility.slopes(margins(X_val, model.coef_), validation.response, validation.weight, None)
    if utility is SQUARED_ERROR:  # a parabola: what it falls by along the move is the mean of its slopes at both ends
        slope = slope + validation.weight / validation.weight.sum() * moved
    each = slope * moved
    requests, first, code = np.unique(validation.request, return_index=True, return_inverse=True)
    by_request = np.bincount(code, each, minlength=len(requests))
    order = np.argsort(by_request, kind="stable")
    columns, parts = _columns(model, train, row, X_val, slope, move.pull)
    return Why(
        sample_id=int(train.keys.column("sample_id")[row].as_py()),
        sentence=_told(train, row, names, wording),
        period=start(int(train.period[row]), wording.task.period_days).date().isoformat(),
        label=float(train.told[row]),
        probability=move.probability,
        leverage=move.leverage,
        value=float(each.sum()),
        helped=_requests(validation, first, by_request, order[::-1][:shown], wording, above=True),
        hurt=_requests(validation, first, by_request, order[:shown], wording, above=False),
        neighbours=_neighbours(train, row, names, wording, shown) if neighbours else [],
        columns=[
            ColumnPart(column=matrix_column(name, wording), part=part)
            for name, part in zip(columns[: 2 * shown], parts[: 2 * shown], strict=True)
        ],
    )


def explain_score(
    model: LinearModel, train: Samples, candidate: Samples, names: Mapping[int, str], wording: Wording, shown: int = 5
) -> WhyScore:
    """Take the score of one candidate (a recommendation) apart into the training samples that it rests on."""
    assert model.coef_ is not None
    x = candidate.matrix()
    dense = np.zeros(x.shape[1])
    dense[x.indices] = x.data
    curvature = model.curve(train)
    direction = np.asarray(curvature.solve(dense))
    X = train.matrix()
    mean = model.family.mean(margins(X, model.coef_))
    change = margins(X, direction) * train.weight * (mean - train.response)
    margin = float(margins(x, model.coef_)[0])
    order = np.argsort(change, kind="stable")

    def supports(rows: NDArray[np.int64]) -> list[Support]:
        return [_support(train, int(row), float(change[row]), names, wording) for row in rows]

    lowest, highest = order[:shown], order[::-1][:shown]
    parts = [(str(model.names_[j]), float(model.coef_[j] * v)) for j, v in zip(x.indices, x.data, strict=True)]
    parts.sort(key=lambda pair: (-abs(pair[1]), pair[0]))
    return WhyScore(
        probability=float(model.family.mean(np.array([margin]))[0]),
        margin=margin,
        made=supports(lowest[change[lowest] < 0]),
        against=supports(highest[change[highest] > 0]),
        columns=[ColumnPart(column=matrix_column(name, wording), part=part) for name, part in parts[: 2 * shown]],
    )


def _columns(
    model: LinearModel, train: Samples, row: int, X_val: Any, slope: Vector, pull: float
) -> tuple[list[str], list[float]]:
    gradient = np.zeros(X_val.shape[1])
    np.add.at(gradient, X_val.indices, X_val.data * np.repeat(slope, np.diff(X_val.indptr)))
    solved = np.asarray(model.curve(train).solve(gradient))
    x = train.matrix()[[row]]
    parts = [(str(model.names_[j]), float(v * solved[j] * pull)) for j, v in zip(x.indices, x.data, strict=True)]
    parts.sort(key=lambda pair: (-abs(pair[1]), pair[0]))
    return [name for name, _ in parts], [part for _, part in parts]


def _told(samples: Samples, row: int, names: Mapping[int, str], wording: Wording) -> str:
    one = samples.take(np.array([row]))
    item = names.get(int(one.item[0])) or f"item {wording.ident(one.keys.column('item_id')[0].as_py())}"
    return sentence(item, float(one.told[0]), one.features.to_pylist()[0], wording)


def _support(samples: Samples, row: int, change: float, names: Mapping[int, str], wording: Wording) -> Support:
    keys = samples.keys.slice(row, 1).to_pylist()[0]
    return Support(
        sample_id=keys["sample_id"],
        user=keys["user_id"],
        sentence=_told(samples, row, names, wording),
        period=start(int(samples.period[row]), wording.task.period_days).date().isoformat(),
        label=float(samples.told[row]),
        change=change,
    )


def _requests(
    validation: Samples,
    first: NDArray[Any],
    by_request: NDArray[Any],
    chosen: NDArray[np.int64],
    wording: Wording,
    *,
    above: bool,
) -> list[RequestPart]:
    parts = []
    for r in chosen:
        if (by_request[r] > 0) == above and by_request[r] != 0:
            row = int(first[r])
            user = validation.keys.column("user_id")[row].as_py()
            period = start(int(validation.period[row]), wording.task.period_days).date().isoformat()
            parts.append(RequestPart(user=user, period=period, part=float(by_request[r]), request=int(validation.request[row])))
    return parts


def _neighbours(train: Samples, row: int, names: Mapping[int, str], wording: Wording, shown: int) -> list[Neighbour]:
    X, _ = scaled(train, train.take(np.array([row])))
    distance = np.sqrt(((X - X[row]) ** 2).sum(axis=1))
    distance[row] = np.inf
    nearest = np.argsort(distance, kind="stable")[:shown]
    return [
        Neighbour(
            sample_id=int(train.keys.column("sample_id")[int(k)].as_py()),
            sentence=_told(train, int(k), names, wording),
            label=float(train.told[k]),
            distance=float(distance[k]),
        )
        for k in nearest
        if np.isfinite(distance[k])
    ]
