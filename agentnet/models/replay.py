"""Recorded answers of real models, given again. They measure decision rules on outputs that are paid for only once.

A replay answers the recorded questions, word for word, and refuses everything else. It cannot read what other agents
say, so it cannot take part in a conversation.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.contracts.model_specs import ReplaySpec
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput, ModelFileError, NotRecorded
from agentnet.files.tables import Record, records
from agentnet.models.base import Chunk, Completion, ModelCapabilities, Request

CHARACTERS = 4
"""Characters of English text to a token, as assumed where no counts were recorded."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded answer; `tokens` of the reply, or None where they have to be estimated. `place` is for errors."""

    reply: str
    tokens: int | None
    place: str


class ReplayModel:
    """The answers of one model, by question. Raises `ModelFileError` for a file that cannot be used.

    Tokens are estimated from the length of the text (`CHARACTERS`) unless they were recorded. Where the recorded system
    drew several replies for each answer (`ReplaySpec.calls`), prompt and reply count once for each of them.
    """

    def __init__(self, path: Path, spec: ReplaySpec) -> None:
        self._spec = spec
        self.name = f"{path.name} ({spec.reply})"
        self.capabilities = ModelCapabilities(context=None, schema=False, logprobs=False)
        try:
            found = records(path)
        except BadInput as error:
            raise ModelFileError(str(error)) from error
        self._recordings: dict[str, Recording] = {}
        for record in found:
            self._keep(record)

    async def generate(self, request: Request) -> Completion:
        question = request.messages[-1]["content"]
        found = self._recordings.get(_form(question))
        if found is None or len(request.messages) > 1:
            shown = " ".join(question.split())
            raise NotRecorded(
                f"{self.name} has no recorded answer to {shown[:60]!r}{'…' if len(shown) > 60 else ''}; "
                f"it can only be asked what was recorded, alone and word for word"
            )
        calls = self._spec.calls
        written = found.tokens if found.tokens is not None else _estimate(found.reply)
        usage = Usage(calls=calls, prompt_tokens=calls * _estimate(question), completion_tokens=calls * written)
        return Completion(found.reply, "stop", usage)

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        completion = await self.generate(request)
        yield Chunk(completion.text, completion)

    async def close(self) -> None:
        """Nothing to release."""

    def _keep(self, record: Record) -> None:
        spec = self._spec
        question, reply = _text(record, spec.question), _text(record, spec.reply)
        tokens = None
        if spec.tokens is not None:
            count = str(_field(record, spec.tokens)).strip()
            if not count.isdecimal():
                raise ModelFileError(f"{record.place}: {spec.tokens!r} should be a number of tokens, it is {count!r}")
            tokens = int(count)
        earlier = self._recordings.setdefault(_form(question), Recording(reply, tokens, record.place))
        if earlier.reply != reply:
            raise ModelFileError(
                f"{record.place}: another reply to the question of {earlier.place}; keep one of the two"
            )


def _field(record: Record, name: str) -> Any:
    """Return a field, or one within an object: ``answers.gpt``. A field whose own name has the dot comes first."""
    found: Any = record.fields
    if name not in record.fields:
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    else:
        found = record.fields[name]
    if found is None:
        raise ModelFileError(f"{record.place}: no field {name!r} (there are: {', '.join(record.fields)})")
    return found


def _text(record: Record, name: str) -> str:
    found = _field(record, name)
    if not isinstance(found, str):
        raise ModelFileError(f"{record.place}: {name!r} should be text, it is {type(found).__name__}")
    return found


def _form(question: str) -> str:
    """Return a question as it is looked up: white space and the shape of quotes do not count."""
    return " ".join(question.translate(_QUOTES).split())


_QUOTES = str.maketrans("‘’‛“”„", "'''\"\"\"")


def _estimate(text: str) -> int:
    return math.ceil(len(text) / CHARACTERS)
