"""How the figures look: Okabe and Ito's colours, which colour-blind people can tell apart; marks differ too."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
plt.rcParams |= {
    "figure.figsize": (6.4, 3.4), "svg.hashsalt": "assay", "font.size": 10, "axes.spines.top": False,
    "axes.spines.right": False, "svg.fonttype": "none", "legend.frameon": False,
}  # fmt: skip


def save(draw: Callable[[plt.Axes], None], path: Path) -> None:
    """Draw one figure into a file."""
    figure, ax = plt.subplots(layout="constrained")
    draw(ax)
    if ax.get_legend_handles_labels()[1]:
        ax.legend()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
