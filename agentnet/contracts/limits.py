"""The limits of a run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agentnet.contracts.base import FileModel


class Limits(FileModel):
    """Upper bounds for one run; None is unbounded. Each call reserves the most it may use before it starts.

    `when_exhausted`: ``stop`` ends the run unfinished (it can be resumed with higher limits); ``best_so_far`` makes no
    further calls, and the protocol decides on the messages so far.
    """

    tokens: int | None = Field(default=None, ge=1)
    calls: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    cost: float | None = Field(default=None, gt=0)
    when_exhausted: Literal["stop", "best_so_far"] = "stop"
