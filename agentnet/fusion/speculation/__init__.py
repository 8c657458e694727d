"""Speculation: several pieces of a fused text verified in one evaluation of each member.

::

    FusionLoop ── chose(piece) ──▶ Speculation: which member drafts, and the Draft ◀── Pace: how far it runs ahead
        │                               │
        ▼                               ▼
    Member ───── step ─────▶ SpeculativeSession: readings that it has already, else trace(…) ──▶ TracingSession

One member runs ahead by its own likeliest tokens. Each of the others then evaluates, together with the tokens that it
is asked for, those that it will be asked for if the text continues as drafted: a tree, since its tokens for a text
depend on where the pieces end. Members, loop and strategy work as they do without speculation, and find readings ready;
so the text is the same, whatever is drafted. See Leviathan et al., Fast Inference from Transformers via Speculative
Decoding (arXiv 2211.17192), and for trees of drafts Miao et al., SpecInfer (arXiv 2305.09781).
"""

from agentnet.fusion.speculation.speculation import Speculation

__all__ = ["Speculation"]
