"""Sampling settings."""

from __future__ import annotations

from pydantic import Field

from agentnet.contracts.base import FileModel


class Sampling(FileModel):
    """Sampling settings of a model. `temperature` 0 is greedy. With a `seed` of None, the run derives one per turn."""

    max_tokens: int = Field(default=512, ge=1)
    temperature: float = Field(default=0.0, ge=0.0)
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    top_k: int = Field(default=0, ge=0, description="0 keeps every token")
    min_p: float = Field(default=0.0, ge=0.0, le=1.0)
    seed: int | None = Field(default=None, ge=0, lt=2**32)
    stop: tuple[str, ...] = ()
