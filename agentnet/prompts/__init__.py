"""Prompt packs: template files that turn a task, a neutral transcript and a role into a chat prompt."""

from agentnet.prompts.pack import Pack, find_pack, shipped_packs
from agentnet.prompts.transcript import Entry, letter, readable, transcript

__all__ = ["Entry", "Pack", "find_pack", "letter", "readable", "shipped_packs", "transcript"]
