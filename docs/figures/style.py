"""How the figures look: Okabe and Ito's colours, which colour-blind people can tell apart; marks differ too."""

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
plt.rcParams |= {
    "figure.figsize": (6.4, 3.4), "svg.hashsalt": "assay", "font.size": 10, "axes.spines.top": False,
    "axes.spines.right": False, "svg.fonttype": "none", "legend.frameon": False,
}  # fmt: skip
