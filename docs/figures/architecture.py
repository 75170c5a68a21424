"""The picture of docs/architecture.md, drawn from what the stages declare: python docs/figures/make.py architecture.

A run's stages stand in a column in their order, the stages beside a run stand right of it. An arrow leads from a stage to
one that reads its artefacts; it is left out where other arrows lead there already.
"""

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from style import BLUE, GREEN, GREY, ORANGE, plt

from assay import stages
from assay.runs.graph import Graph
from assay.runs.stage import Stage

WIDTH, HEIGHT = 1.75, 0.62  # of a box; rows are 1 apart
LEFT, RIGHT = 0.95, 3.5  # where the boxes of the two columns begin


def arrows(graph: Graph) -> list[tuple[str, str]]:
    """Pairs (stage, stage that reads of it) in order, without those that a longer way already joins."""
    above: dict[str, set[str]] = {}
    pairs = []
    for stage in graph.stages.values():
        far = set().union(*(above[name] for name in stage.follows))
        pairs += [(name, stage.name) for name in stage.follows if name not in far]
        above[stage.name] = far | set(stage.follows)
    return pairs


def places(pairs: list[tuple[str, str]]) -> dict[str, tuple[float, int]]:
    """Each stage's box: its left edge and its row. A stage beside a run stands at the row of what it reads, or below."""
    at: dict[str, tuple[float, int]] = {name: (LEFT, row) for row, name in enumerate(stages.RUN)}
    free = 0
    for row, name in sorted((max(at[a][1] for a, b in pairs if b == name), name) for name in stages.BESIDE):
        free = max(free, row)
        at[name] = (RIGHT, free)
        free += 1
    return at


def makes(stage: Stage) -> str:
    """What a stage makes: its folder, or its files."""
    folders = sorted({f"{pattern.partition('/')[0]}/" if "/" in pattern else pattern for pattern in stage.makes})
    return ", ".join(folders)


def box(ax: plt.Axes, at: tuple[float, float], lines: tuple[str, str], colour: str) -> None:
    x, y = at
    corners = "round,pad=0,rounding_size=0.1"
    ax.add_patch(FancyBboxPatch((x, y - HEIGHT / 2), WIDTH, HEIGHT, boxstyle=corners, fc="white", ec=colour, lw=1.5))
    ax.text(x + WIDTH / 2, y - 0.13, lines[0], ha="center", va="center", weight="bold", fontsize=10)
    ax.text(x + WIDTH / 2, y + 0.15, lines[1], ha="center", va="center", color=GREY, fontsize=8)


def arrow(ax: plt.Axes, points: list[tuple[float, float]], colour: str, name: str) -> None:
    """A line through points with a head at its end; name: the arrow's id in the SVG."""
    (*_, before, end) = points
    ax.plot(*zip(*points[:-1], strict=True), color=colour, lw=1.2, solid_capstyle="butt")
    head = FancyArrowPatch(before, end, arrowstyle="-|>", mutation_scale=9, color=colour, lw=1.2, shrinkA=0, shrinkB=0)
    head.set_gid(name)
    ax.add_patch(head)


def draw_architecture(ax: plt.Axes) -> None:
    graph = stages.graph()
    pairs = arrows(graph)
    at = places(pairs)
    last = max(row for _, row in at.values()) + 1
    ax.figure.set_size_inches(4.5, 7.6)
    ax.set(xlim=(0, RIGHT + WIDTH + 0.05), ylim=(last + 0.4, -1.4))
    ax.axis("off")
    middle = LEFT + WIDTH / 2
    lanes = 0
    for a, b in sorted(pairs, key=lambda pair: at[pair[1]][1] - at[pair[0]][1]):
        (x, top), (end, row) = at[a], at[b]
        if end == RIGHT:
            lane = RIGHT - 0.4
            arrow(ax, [(x + WIDTH, top), (lane, top), (lane, row), (RIGHT, row)], ORANGE, f"{a} to {b}")
        elif row == top + 1:
            arrow(ax, [(middle, top + HEIGHT / 2), (middle, row - HEIGHT / 2)], BLUE, f"{a} to {b}")
        else:
            lanes += 1
            lane, start, stop = LEFT - 0.22 * lanes, top + 0.05 * lanes, row - 0.1
            arrow(ax, [(LEFT, start), (lane, start), (lane, stop), (LEFT, stop)], BLUE, f"{a} to {b}")
    for name, (x, row) in at.items():
        box(ax, (x, row), (name, makes(graph.stages[name])), BLUE if x == LEFT else ORANGE)
    box(ax, (LEFT, -1), ("your log", "files, databases"), GREEN)
    arrow(ax, [(middle, -1 + HEIGHT / 2), (middle, -HEIGHT / 2)], GREEN, "log to collect")
    box(ax, (LEFT, last), ("show", "report, terminal, Python"), GREEN)
    arrow(ax, [(middle, last - 1 + HEIGHT / 2), (middle, last - HEIGHT / 2)], GREEN, "summary to show")
    ax.text(RIGHT, -1, "green: outside\nblue: stages of a run\norange: beside a run,\nonly on request", va="center", fontsize=9)
