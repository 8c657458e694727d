"""Agents: a model with a name, a card and a prompt pack that speaks in typed bodies."""

from agentnet.agents.agent import Agent, Reply, Turn

__all__ = ["Agent", "Reply", "Turn"]
