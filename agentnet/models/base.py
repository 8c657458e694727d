"""The interface of a model: it turns a chat prompt into text.

A new backend implements `Model`. Token-level access is a second, separate interface that a backend may implement too
(`agentnet.models.tokens`); callers find out with ``isinstance``.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypedDict, runtime_checkable

from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage


class ChatMessage(TypedDict):
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """A tool that a reply may call: a name, one line about it, and the JSON Schema of its arguments (an object)."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call in a reply: the name of an offered tool, and its arguments as JSON text. Nothing of it is checked."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt and how to continue it.

    The reply must obey `schema`, a JSON Schema, or match as a whole `regex`, a regular expression, or `lark`, a grammar
    in the syntax of Lark; at most one is given. A model that cannot be held to it raises `SchemaUnsupported`.
    `logprobs` asks for the log-probability of every generated token, `top_logprobs` for those of so many of the
    likeliest tokens in its place, too. A higher `priority` is served earlier where requests wait for one model.

    `tools` may be called instead of a reply in words, and with `must_call` have to be; only a model that is capable of
    `tools` is asked so.
    """

    messages: tuple[ChatMessage, ...]
    sampling: Sampling = field(default_factory=Sampling)
    schema: Mapping[str, Any] | None = None
    logprobs: bool = False
    priority: int = 0
    regex: str | None = None
    lark: str | None = None
    top_logprobs: int = 0
    tools: tuple[ToolOffer, ...] = ()
    must_call: bool = False

    def __post_init__(self) -> None:
        if sum(form is not None for form in (self.schema, self.regex, self.lark)) > 1:
            raise ValueError("a reply is held to one form: give schema, regex or lark")


@dataclass(frozen=True, slots=True)
class TokenChoice:
    """A generated token: its bytes (none for a token that ends the reply), and the likeliest tokens in its place.

    Each of those comes with its natural log-probability, the likeliest first.
    """

    piece: bytes
    likeliest: tuple[tuple[bytes, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """The whole reply. `logprobs` has one natural logarithm per generated token; None where none were asked for.

    `tokens` has the same tokens, as far as the model tells them apart.
    """

    text: str
    finish: Literal["stop", "length"]
    usage: Usage
    logprobs: tuple[float, ...] | None = None
    tokens: tuple[TokenChoice, ...] | None = None
    served_by: str | None = None
    """The name of the node that wrote it; None for a model that is on none."""
    calls: tuple[FunctionCall, ...] = ()
    """The calls of offered tools, in their order."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed reply; the last one carries the completion (and an empty or final `text`)."""

    text: str
    completion: Completion | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """How likely some continuations of one prompt are, in the order they were given."""

    logprobs: tuple[tuple[float, ...], ...]
    """For each continuation, the natural log-probability of each of its tokens."""
    usage: Usage
    served_by: str | None = None
    """The name of the node that scored them; None for a model that is on none."""

    @property
    def totals(self) -> tuple[float, ...]:
        """The log-probability of each continuation as a whole."""
        return tuple(math.fsum(logprobs) for logprobs in self.logprobs)

    @property
    def shares(self) -> tuple[float, ...]:
        """The probability of each continuation, given that it is one of them. They sum to one."""
        totals = self.totals
        top = max(totals)
        weights = [math.exp(total - top) for total in totals]
        return tuple(weight / math.fsum(weights) for weight in weights)


@dataclass(frozen=True, slots=True)
class ModelCapabilities:
    """What a model can do, as far as is known before it is asked. None means unknown until tried."""

    context: int | None
    """Tokens of prompt and reply together."""
    schema: bool | None
    """Replies can be held to a JSON Schema."""
    logprobs: bool | None
    """Log-probabilities of the generated tokens are available."""
    grammar: bool = False
    """Replies can be held to a regular expression and to a Lark grammar."""
    tools: bool | None = False
    """Tools can be called in OpenAI's form."""
    counts: bool = True
    """The tokens of its replies are known, and sampling settings reach it."""


@runtime_checkable
class Model(Protocol):
    """One set of weights, or one remote endpoint, behind one async interface.

    Raises (from every method) only errors of `agentnet.errors.ModelError`'s branch. Safe to call concurrently.
    """

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> ModelCapabilities: ...

    async def generate(self, request: Request) -> Completion:
        """Return the whole reply to one prompt. Cancelling the task frees the model soon after."""
        ...

    def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """Yield the reply piece by piece; the joined texts of the chunks equal the completion's text."""
        ...

    async def close(self) -> None:
        """Release memory, threads and connections. Closing twice is harmless."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """A model that can say how likely a given reply is, without writing one."""

    async def score(self, request: Request, continuations: Sequence[str]) -> Scores:
        """Return the log-probabilities of some replies to one prompt, in one pass.

        Each continuation is a reply from its first character on; a prefix that several share is evaluated once.
        Sampling settings and schema of the request are ignored. Raises `ModelError`, and `ValueError` for no or an
        empty continuation.
        """
        ...

    async def score_choices(self, request: Request, replies: Sequence[str]) -> Scores:
        """Return how likely each reply is if the model has to give one of them: probabilities that sum to one.

        Like a grammar, this compares only the next tokens that the replies allow. Tokens that are fixed count nothing,
        and are not evaluated at the end of a reply. The scores have one log-probability for each token at which a reply
        branches off from another. Raises like `score`, and `ValueError` where one reply is the beginning of another.
        """
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """A model that knows how long a prompt is before it reads it."""

    def count_tokens(self, request: Request) -> int:
        """How many tokens the prompt of a request has, with everything that the chat template adds."""
        ...
