"""Turns of people: how they are put to the person at the client of a call.

With the handshake of 2025 the server asks while the call goes on (elicitation). From 2026 on, the call ends with the
question as its result, and the client repeats it with the person's words and the run's id as its state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server import ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestedSchema,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from agentnet.contracts.questions import Question
from agentnet.serving.app import Problem

Ask = Callable[[str, Question], Awaitable[str]]
"""Returns a person's words to the question of a run. Raises `Problem` where they give none, and `PersonNeeded`."""
FIELD = "answer"
"""The field of the form, and the name of the request."""


class PersonNeeded(Exception):
    """A call can go on only with a person's words, which come with its repetition."""

    def __init__(self, run: str, question: Question) -> None:
        super().__init__(f"run {run} waits for {question.agent}")
        self.run, self.question = run, question

    def result(self) -> InputRequiredResult:
        """Return the result that tells the client so."""
        form = ElicitRequestFormParams(message=self.question.text, requested_schema=_schema(self.question))
        return InputRequiredResult(input_requests={FIELD: ElicitRequest(params=form)}, request_state=self.run)


def ask_of(context: ServerRequestContext[Any, Any]) -> Ask | None:
    """Return how the person at the client of a request is asked; None for a client that shows no forms."""
    can = context.session.client_capabilities
    forms = None if can is None else can.elicitation
    if forms is None or (forms.form is None and forms.url is not None):
        return None

    async def elicited(run: str, question: Question) -> str:
        found = await context.session.elicit_form(question.text, _schema(question), context.request_id)
        return _words(found)

    async def later(run: str, question: Question) -> str:
        raise PersonNeeded(run, question)

    if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return later
    return elicited if context.session.can_send_request else None


def words_of(params: CallToolRequestParams) -> str | None:
    """Return a person's words, with which a call is repeated; None where they decline. Raises `Problem` for neither."""
    given = (params.input_responses or {}).get(FIELD)
    return None if isinstance(given, ElicitResult) and given.action != "accept" else _words(given)


def declined() -> Problem:
    """Return the refusal of a call whose person gives no answer."""
    return Problem(409, "the person who was asked gave no answer", "no-answer")


def _words(given: object) -> str:
    if isinstance(given, ElicitResult) and given.action == "accept":
        words = (given.content or {}).get(FIELD)
        if isinstance(words, str):
            return words
    raise declined()


def _schema(question: Question) -> ElicitRequestedSchema:
    field: dict[str, Any] = {"type": "string", "title": f"{question.agent}, {question.role}"}
    if question.choices:
        field["enum"] = list(question.choices)
    return {"type": "object", "properties": {FIELD: field}, "required": [FIELD]}
