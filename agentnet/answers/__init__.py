"""Answers: what counts as the same, which of several wins, and how one is found within a reply."""

from agentnet.answers.comparing import normalise, plurality, same

__all__ = ["normalise", "plurality", "same"]
