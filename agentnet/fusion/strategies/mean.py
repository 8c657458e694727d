"""The mean of the members' probabilities over the union of their vocabularies.

With equal weights this is parallel inference (PI) of the AI-Model Network; with the weights of measured cards it is GaC
(Yu et al., Breaking the Ceiling of the LLM Community by Treating Token Generation as a Classification for Ensembling,
arXiv 2406.12585), which maps every vocabulary into one union of them all.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.fusion.strategies.aggregate import Aggregate


class Mean(Aggregate):
    """argmax over the union of Σ wₘ Pₘ(piece) / Σ wₘ."""

    def aggregate(self, probabilities: Sequence[float], weights: Sequence[float]) -> tuple[float, ...]:
        return (sum(weight * probability for weight, probability in zip(weights, probabilities, strict=True)),)
