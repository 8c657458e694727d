"""The entry point that inspect-ai loads: it registers the provider ``agentnet`` and imports nothing else."""

from __future__ import annotations

from inspect_ai.model import ModelAPI, modelapi


@modelapi(name="agentnet")
def agentnet() -> type[ModelAPI]:
    """Return the provider of ``--model agentnet/PROTOCOL``."""
    from agentnet.bridges.inspect_model import NetworkAPI

    return NetworkAPI
