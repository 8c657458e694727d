"""The usage of a call, a message or a run."""

from __future__ import annotations

import sys

from pydantic import Field

from agentnet.contracts.base import WireModel


class Usage(WireModel):
    """Resources used; ``+`` adds them up. Each model counts its own tokens."""

    calls: int = Field(default=0, ge=0)
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    reused_tokens: int = Field(default=0, ge=0, description="prompt tokens that were already in the KV cache")
    seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="wall time inside the model")
    cost: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="at the prices of the agent's card")

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            reused_tokens=self.reused_tokens + other.reused_tokens,
            seconds=min(self.seconds + other.seconds, sys.float_info.max),
            cost=min(self.cost + other.cost, sys.float_info.max),
        )
