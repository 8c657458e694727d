"""Agents: a model with a name, a card and a prompt pack that speaks in typed bodies."""

from agentnet.agents.agent import Agent, Turn, candidate, confidence_of

__all__ = ["Agent", "Turn", "candidate", "confidence_of"]
