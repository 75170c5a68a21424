"""Plots as inline SVG: positions in percent, sizes in pixels, so that text keeps its size at any width.

Colours are classes (`useful`, `harmful`, `s0` to `s5`) that the page's style sheet fills in, for light and
dark. Everything that comes from data is escaped. Numbers that are missing or not finite are not drawn.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from assay.app import words
from assay.language import say
from assay.runs.section import CurvePlot, DiagonalPlot, HistogramPlot, Plot, Row, RowPlot, Series

NEAR = 1e-9  # values are scaled to their unit before they are drawn: closer than this, they are one
EDGE = 7.0  # percent from an end of the axis within which a label is aligned to that end


@dataclass(frozen=True)
class Scale:
    """A linear axis: the range that is drawn and the round numbers marked on it."""

    low: float
    high: float
    ticks: tuple[float, ...]
    decimals: int

    def at(self, value: float) -> float:
        """Position in percent, kept within the axis."""
        return min(100.0, max(0.0, 100.0 * (value - self.low) / (self.high - self.low)))


def scale(values: Iterable[float | None], *, include: Sequence[float] = (), pad: float = 0.06, marks: int = 4) -> Scale:
    """An axis over the values, with about `marks` round numbers on it."""
    finite = [float(v) for v in [*values, *include] if words.known(v)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if high - low < NEAR:  # one value alone, or several that look like one, still need an axis
        high = low + max(abs(low), 1.0)
    span = high - low
    low, high = low - pad * span, high + pad * span
    rough = (high - low) / marks
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return Scale(low, high, tuple(n * step for n in range(first, last + 1)), decimals)


def _tag(template: str, **values: object) -> Markup:
    return Markup(template).format(**values)


def _join(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _percent(position: float) -> str:
    return f"{position:.2f}%"


def _anchor(position: float) -> str:
    return "start" if position < EDGE else "end" if position > 100 - EDGE else "middle"


def _tick(axis: Scale, value: float) -> str:
    return words.minus(f"{value:,.{axis.decimals}f}")


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    values = dict(zip("abcd", map(_percent, (x1, y1, x2, y2)), strict=True))
    return _tag('<line x1="{a}" y1="{b}" x2="{c}" y2="{d}" class="{kind}"/>', kind=kind, **values)


def track(row: Row, axis: Scale, *, stem: bool, zero: bool) -> Markup:
    """A row's mark on an axis: a dot with its interval, or a bar from 0 (stem)."""
    parts = [_line(axis.at(t), 0, axis.at(t), 100, "grid") for t in axis.ticks]
    if zero:
        parts.append(_line(axis.at(0), 0, axis.at(0), 100, "zero"))
    if stem:
        parts.append(_line(axis.at(0), 50, axis.at(row.value), 50, f"stem {row.tone}"))
    if row.low is not None and row.high is not None:
        parts.append(_line(axis.at(row.low), 50, axis.at(row.high), 50, f"whisker {'ink' if stem else row.tone}"))
    if not stem:
        parts.append(
            _tag(
                '<circle cx="{x}" cy="50%" r="5" class="{tone}"/>',
                x=_percent(axis.at(row.value)),
                tone=row.tone,
            )
        )
    return _tag('<svg class="track" role="presentation">{body}</svg>', body=_join(parts))


def _axis(axis: Scale) -> Markup:
    ticks = [
        _tag(
            '<text x="{x}" y="12" text-anchor="{anchor}">{text}</text>',
            x=_percent(axis.at(t)),
            anchor=_anchor(axis.at(t)),
            text=_tick(axis, t),
        )
        for t in axis.ticks
    ]
    return _tag('<svg class="ticks" role="presentation">{body}</svg>', body=_join(ticks))


def rows(ident: str, lines: Sequence[Row], *, stem: bool = False, zero: bool = False, ticks: bool = True) -> Markup:
    """Horizontal dots with intervals (stem=False) or bars from 0 (stem=True), one per row, on one axis."""
    lines = [line for line in lines if words.known(line.value)]
    if not lines:
        return Markup("")
    ends = [end for line in lines for end in (line.value, line.low, line.high)]
    axis = scale(ends, include=[0.0] if stem or zero else [], pad=0.0 if stem and not zero else 0.06, marks=3)
    body = [
        _tag(
            '<div class="row"><div class="label" dir="auto">{label}{note}</div>{track}<div class="num">{shown}</div></div>',
            label=line.label,
            note=_tag("<small>{note}</small>", note=line.note) if line.note else "",
            track=track(line, axis, stem=stem, zero=zero),
            shown=line.shown or words.estimate(line.value, line.low, line.high),
        )
        for line in lines
    ]
    if ticks:
        body.append(_tag('<div class="row axis"><div></div>{axis}<div></div></div>', axis=_axis(axis)))
    return _tag('<div class="rows" id="{ident}">{body}</div>', ident=ident, body=_join(body))


def _frame(ident: str, body: Iterable[Markup], *, label: str, x_title: str, y_title: str, square: bool = False) -> Markup:
    return _tag(
        '<div class="frame{square}" id="{ident}"><div class="ytitle">{y}</div>'
        '<svg role="img" aria-label="{label}">{body}</svg><div class="xtitle">{x}</div></div>',
        ident=ident,
        square=" square" if square else "",
        label=label,
        body=_join(body),
        x=x_title,
        y=y_title,
    )


def _y_axis(axis: Scale) -> list[Markup]:
    parts = []
    for t in axis.ticks:
        y = 100 - axis.at(t)
        parts.append(_line(0, y, 100, y, "grid"))
        parts.append(
            _tag(
                '<text x="-8" y="{y}" dy="4" text-anchor="end">{text}</text>',
                y=_percent(y),
                text=_tick(axis, t),
            )
        )
    return parts


def _x_tick(position: float, text: str) -> Markup:
    return _tag('<text x="{x}" y="100%" dy="18" text-anchor="middle">{text}</text>', x=_percent(position), text=text)


def histogram(ident: str, edges: Sequence[float], counts: Sequence[int], *, x_title: str, factor: float) -> Markup:
    """Rows per bin on a logarithmic axis, bins drawn equally wide; colour says the side of 0."""
    top = max([*counts, 1])
    powers = range(math.ceil(math.log10(top + 1)) + 1)
    highest = max(1, powers[-1])
    parts: list[Markup] = []
    for power in powers:
        y = 100 - 100 * power / highest
        parts.append(_line(0, y, 100, y, "grid"))
        text = words.short(10**power)
        parts.append(_tag('<text x="-8" y="{y}" dy="4" text-anchor="end">{t}</text>', y=_percent(y), t=text))
    width = 100 / max(1, len(counts))
    for n, count in enumerate(counts):
        if count <= 0:
            continue
        height = max(1.0, 100 * math.log10(count) / highest)
        left, right = edges[n] * factor, edges[n + 1] * factor
        parts.append(
            _tag(
                '<rect x="{x}" y="{y}" width="{w}" height="{h}" class="{tone}"><title>{title}</title></rect>',
                x=_percent(n * width + width * 0.06),
                y=_percent(100 - height),
                w=_percent(width * 0.88),
                h=_percent(height),
                tone="harmful" if left + right < 0 else "useful",
                title=say(
                    "{low} to {high}: {count} rows", low=words.plain(left), high=words.plain(right), count=words.count(count)
                ),
            )
        )
    every = max(1, math.ceil(len(counts) / 6))
    zero = min(range(len(edges)), key=lambda n: abs(edges[n]))
    parts += [_x_tick(n * width, words.plain(edge * factor)) for n, edge in enumerate(edges) if (n - zero) % every == 0]
    label = say("{value}: rows per bin", value=x_title)
    return _frame(ident, parts, label=label, x_title=x_title, y_title=say("rows (logarithmic)"))


def curve(ident: str, names: Sequence[str], series: Sequence[Series], *, x_title: str, y_title: str) -> Markup:
    """Lines with error bars over named places on the x axis, a reference line at 0, and a legend."""
    points = [end for line in series for p in line.points for end in p[1:]]
    axis = scale(points, include=[0.0])
    parts = _y_axis(axis)
    parts.append(_line(0, 100 - axis.at(0), 100, 100 - axis.at(0), "zero"))
    place = {n: 100 * (n + 0.5) / max(1, len(names)) for n in range(len(names))}
    parts += [_x_tick(place[n], name) for n, name in enumerate(names)]
    for s, line in enumerate(series):
        tone = f"s{s % 6}"
        drawn = [(place[x], 100 - axis.at(v), low, high, v) for x, v, low, high in line.points if words.known(v)]
        body = [_line(a[0], a[1], b[0], b[1], f"path {tone}") for a, b in pairwise(drawn)]
        for x, y, low, high, value in drawn:
            if low is not None and high is not None:
                body.append(_line(x, 100 - axis.at(low), x, 100 - axis.at(high), f"whisker thin {tone}"))
            body.append(
                _tag(
                    '<circle cx="{x}" cy="{y}" r="4" class="{tone}"><title>{title}</title></circle>',
                    x=_percent(x),
                    y=_percent(y),
                    tone=tone,
                    title=f"{line.name}: {words.estimate(value, low, high, sign=True)}",
                )
            )
        shift = (s - (len(series) - 1) / 2) * 5  # pixels, so that error bars do not hide each other
        parts.append(_tag('<g transform="translate({shift} 0)">{body}</g>', shift=f"{shift:g}", body=_join(body)))
    legend = _join(
        _tag('<span><i class="{tone}"></i>{name}</span>', tone=f"s{s % 6}", name=line.name) for s, line in enumerate(series)
    )
    label = say("{y} over {x}", y=y_title, x=x_title)
    frame = _frame(ident, parts, label=label, x_title=x_title, y_title=y_title)
    return frame + _tag('<div class="legend">{legend}</div>', legend=legend)


def calibration(ident: str, points: Sequence[tuple[float, float, int]]) -> Markup:
    """Observed share over predicted probability, both in [0, 1]; on the diagonal a model is right."""
    axis = Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0), 2)
    parts = [*_y_axis(axis), _line(0, 100, 100, 0, "zero")]
    parts += [_x_tick(axis.at(t), _tick(axis, t)) for t in (0.0, 0.5, 1.0)]
    drawn = [p for p in points if words.known(p[0]) and words.known(p[1])]
    at = [(axis.at(predicted), 100 - axis.at(observed)) for predicted, observed, _ in drawn]
    parts += [_line(a[0], a[1], b[0], b[1], "path s0") for a, b in pairwise(at)]
    for (x, y), (predicted, observed, rows_) in zip(at, drawn, strict=True):
        title = say(
            "predicted {predicted}, observed {observed}, {count} rows",
            predicted=f"{predicted:.3f}",
            observed=f"{observed:.3f}",
            count=words.count(rows_),
        )
        parts.append(
            _tag(
                '<circle cx="{x}" cy="{y}" r="4" class="s0"><title>{t}</title></circle>',
                x=_percent(x),
                y=_percent(y),
                t=title,
            )
        )
    label, x_title, y_title = say("calibration"), say("predicted"), say("observed")
    return _frame(ident, parts, label=label, x_title=x_title, y_title=y_title, square=True)


def draw(plot: Plot) -> Markup:
    """A plot as SVG; empty where there is nothing to draw."""
    match plot:
        case RowPlot(ident, lines, stem, zero):
            return rows(ident, lines, stem=stem, zero=zero)
        case CurvePlot(ident, names, series, x_title, y_title):
            return curve(ident, names, series, x_title=x_title, y_title=y_title)
        case HistogramPlot(ident, edges, counts, x_title, factor):
            return histogram(ident, edges, counts, x_title=x_title, factor=factor)
        case DiagonalPlot(ident, points):
            return calibration(ident, points)
