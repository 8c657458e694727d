"""Speculation: several pieces of a fused text verified in one evaluation of each member.

::

    FusionLoop ── chose(piece) ──▶ Speculation: who drafts, how far, what was drafted
        │                              ▲ │
        ▼                              │ ▼ Draft: a text, and where its pieces may end
    Member ── step ──▶ SpeculativeSession: readings that are known already, else trace(…) ──▶ TracingSession

One member runs ahead by its own likeliest tokens. Each of the others then evaluates, together with the tokens that it is
asked for, those that it will be asked for if the text continues as drafted. Members, loop and strategy work as they do
without it: they find their readings ready. So the text is the same, whatever was drafted.
"""

from agentnet.fusion.speculation.speculation import Speculation

__all__ = ["Speculation"]
