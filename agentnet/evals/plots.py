"""Plots of what was measured. Needs the extra `eval`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentnet.errors import BadInput
from agentnet.evals.online import RATES, Curve


def plot_online(curves: Sequence[Curve], path: Path) -> None:
    """Accuracy over online rate: single members dashed, networks solid. The file's ending decides the format."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BadInput("plots need matplotlib: pip install 'agentnet-ai[eval]'") from None
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for curve in curves:
        style: dict[str, Any] = {"linestyle": "--"} if curve.single else {"marker": "o", "linewidth": 2}
        axes.plot(RATES, [100 * share for share in curve.accuracy], label=curve.system, **style)
    axes.invert_xaxis()
    axes.set_xlabel("probability that a member is online")
    axes.set_ylabel("right answers, %")
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", ncols=2)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot write the plot: {error}") from error
