"""The one look of every figure: colors, type, and how a figure becomes PNG for print or SVG for the page.

Figures are drawn without pyplot: no display, and no global list of open figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from mien.core.palette import EXPRESSION_COLORS

INK, MUTED, GRID, PAPER = "#1d2733", "#5b6774", "#dfe4ea", "#fffffe"
BLUE, ORANGE = "#1f6fb4", "#c9560f"
"""Blue for what is right or held out as truth, orange for what is wrong or deserves a look."""

PAGE_COLORS = {INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--paper", BLUE: "--blue", ORANGE: "--orange"}
"""In a page these follow its light or dark dress. PAPER is a hair off white so that real white stays white."""

WIDTH_IN = 7.0
"""Text width of a paper's page."""

PRINT_DPI = 300

LOOK: Mapping[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "mien",
    "text.color": INK,
    "text.parse_math": False,  # a label may hold a dollar sign
    "xtick.color": MUTED,
    "xtick.labelsize": 8.5,
    "xtick.major.size": 0.0,
    "ytick.color": MUTED,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0.0,
}


@contextmanager
def look() -> Iterator[None]:
    """Draw in our look, whatever the user's own matplotlibrc says."""
    with rc_context():
        from matplotlib import rcdefaults, rcParams

        rcdefaults()
        rcParams.update(LOOK)
        yield


def make_figure(height_in: float) -> Figure:
    """Return an empty figure of text width; call inside `look`."""
    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def color_of(label: str, labels: Sequence[str]) -> str:
    """Return a label's color: its own where it is one of the seven, else one of the rest by its position."""
    if label in EXPRESSION_COLORS:
        return EXPRESSION_COLORS[label]
    palette = list(EXPRESSION_COLORS.values())
    return palette[list(labels).index(label) % len(palette)]


def show_percent(axes: Axes, axis: str) -> None:
    """Label an axis whose values are shares 0-1 in percent."""
    getattr(axes, f"{axis}axis").set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:g} %"))


def to_png(figure: Figure) -> bytes:
    """Render for print: PNG of 300 dpi on white."""
    with look():
        FigureCanvasAgg(figure)
        buffer = BytesIO()
        # No date and no version inside: the same numbers give the same file.
        figure.savefig(buffer, format="png", dpi=PRINT_DPI, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure) -> str:
    """Render for an HTML page: an `<svg>` element without background, whose colors follow the page's variables."""
    with look():
        FigureCanvasSVG(figure)
        buffer = BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().decode()
    text = text[text.index("<svg") :]
    for color, variable in PAGE_COLORS.items():
        text = text.replace(color, f"var({variable})")
    text = re.sub(r" <metadata>.*?</metadata>\n", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)  # HTML knows the namespaces of an inline SVG
    # Matplotlib names its groups alike in every figure, but an id may stand only once in a page.
    return re.sub(r'<g id="[^"]*"', "<g", text)
