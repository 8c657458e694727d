"""Ways to choose the next piece from the distributions of several models, one file each.

A protocol names a strategy by its key in `STRATEGIES`. To add one: a file here, a row in that table, and its name in
the type of `Fuse.strategy` (`docs/recipes/fusion-strategy.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agentnet.contracts.protocols import Fuse
from agentnet.fusion.strategies.base import AsksAll, Strategy
from agentnet.fusion.strategies.duetnet import DuetNet
from agentnet.fusion.strategies.gated import Gated
from agentnet.fusion.strategies.max_score import MaxScore
from agentnet.fusion.strategies.mean import Mean
from agentnet.fusion.strategies.robust import Median, Trimmed
from agentnet.fusion.strategies.unite import UniTE

__all__ = [
    "STRATEGIES",
    "AsksAll",
    "DuetNet",
    "Gated",
    "MaxScore",
    "Mean",
    "Median",
    "Strategy",
    "Trimmed",
    "UniTE",
    "strategy_of",
]

STRATEGIES: Mapping[str, Callable[[Fuse, int], Strategy]] = {
    "duetnet": lambda fuse, seed: DuetNet(tau_k=fuse.tau_k, tau_p=fuse.tau_p, top=fuse.top, seed=seed),
    "duetnet-logprobs": lambda fuse, seed: DuetNet(
        tau_k=fuse.tau_k, tau_p=fuse.tau_p, top=fuse.top, seed=seed, values="logprobs"
    ),
    "dp": lambda fuse, seed: DuetNet(
        tau_k=fuse.tau_k, tau_p=fuse.tau_p, top=fuse.top, seed=seed, values="probabilities"
    ),
    "dk": lambda fuse, seed: DuetNet(tau_k=fuse.tau_k, tau_p=None, top=fuse.top, seed=seed),
    "pi": lambda fuse, seed: Mean(),
    "gac": lambda fuse, seed: Mean(),
    "median": lambda fuse, seed: Median(),
    "trimmed": lambda fuse, seed: Trimmed(),
    "unite": lambda fuse, seed: UniTE(top=fuse.tau_k),
    "max": lambda fuse, seed: MaxScore(),
}
"""From a strategy's name to the strategy with the settings of an expression; the seed is for a strategy that draws."""


def strategy_of(fuse: Fuse, seed: int) -> Strategy:
    """Return the strategy that an expression asks for, gated where it says `sure`."""
    inner = STRATEGIES[fuse.strategy](fuse, seed)
    return inner if fuse.sure is None else Gated(inner, sure=fuse.sure)
