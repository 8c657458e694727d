"""Answers: comparing them, choosing the most frequent one, and extracting one from a reply."""

from agentnet.answers.comparing import normalise, plurality, same

__all__ = ["normalise", "plurality", "same"]
