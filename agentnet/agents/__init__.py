"""Agents: members that take turns and reply with typed bodies. An agent is a model with a prompt pack, or a person."""

from agentnet.agents.base import Agent, Need, Reply, Turn, candidate
from agentnet.agents.human import HumanAgent
from agentnet.agents.model_agent import ModelAgent, confidence_of

__all__ = ["Agent", "HumanAgent", "ModelAgent", "Need", "Reply", "Turn", "candidate", "confidence_of"]
