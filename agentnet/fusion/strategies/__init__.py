"""Ways to choose the next piece from the distributions of several models, one file each."""

from agentnet.fusion.strategies.base import Strategy
from agentnet.fusion.strategies.duetnet import DuetNet
from agentnet.fusion.strategies.gated import Gated
from agentnet.fusion.strategies.max_score import MaxScore
from agentnet.fusion.strategies.mean import Mean
from agentnet.fusion.strategies.unite import UniTE

__all__ = ["DuetNet", "Gated", "MaxScore", "Mean", "Strategy", "UniTE"]
