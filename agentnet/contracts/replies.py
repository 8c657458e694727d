"""What a caller asks of the replies of a run, beside the protocol: sampling, a form, log-probabilities."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from agentnet.contracts.base import FileModel
from agentnet.contracts.formats import Format
from agentnet.contracts.sampling import Sampling


class ReplyOptions(FileModel):
    """Settings for the free replies of a run, whoever gives them; None leaves what the agent or the protocol says.

    Votes, verdicts, grades and plans keep their own form and sampling. A `format` that the protocol gives a turn goes
    before this one.
    """

    max_tokens: int | None = Field(default=None, ge=1, description="tokens of one reply")
    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    min_p: float | None = Field(default=None, ge=0, le=1)
    stop: tuple[str, ...] | None = None
    format: Format | None = None
    top_logprobs: int | None = Field(
        default=None, ge=0, le=20, description="likeliest alternatives to each token that are told; None: no tokens"
    )
    whole: bool = Field(
        default=False,
        description="a reply without an answer marker is an answer as a whole, be it long, empty, or a repetition",
    )

    def sampling(self, own: Sampling) -> Sampling:
        """Return an agent's own sampling with what is given here. A given temperature stands for itself alone."""
        base = own if self.temperature is None else Sampling(max_tokens=own.max_tokens, seed=own.seed, stop=own.stop)
        names = ("max_tokens", "temperature", "top_p", "top_k", "min_p", "stop")
        return base.model_copy(update={name: value for name in names if (value := getattr(self, name)) is not None})

    @property
    def given(self) -> Self | None:
        """These options; None where they leave everything as it is."""
        return None if self == type(self)() else self
