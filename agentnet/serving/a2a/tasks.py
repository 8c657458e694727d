"""Runs as tasks of A2A: states one to one, the answer and where it comes from as artifacts, what was said as history.

=============================  ========================================================
``working``                    the run is active, or waits for a server that resumes it
``input-required``             it waits for a person's words: the next message gives them
``completed``                  it has an answer
``failed``                     it ended without one, or at a limit
``canceled``                   it is no longer wanted
=============================  ========================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from a2a.helpers.proto_helpers import new_data_part, new_text_part
from a2a.types.a2a_pb2 import Artifact, Message, Part, Role, Task, TaskState, TaskStatus
from google.protobuf.json_format import MessageToDict, ParseDict

from agentnet.contracts.base import shown
from agentnet.contracts.bodies import Result, answer_of
from agentnet.contracts.events import RunStatus
from agentnet.contracts.messages import USER, approval
from agentnet.contracts.messages import Message as Said
from agentnet.contracts.questions import Question
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.serving import Surface
from agentnet.contracts.speakers import speakers
from agentnet.contracts.usage import Usage
from agentnet.rendering.describe import describe
from agentnet.serving.a2a.asking import EXTENSION, JSON, TEXT, prefers_json

STATES: dict[RunStatus, TaskState] = {
    "running": TaskState.TASK_STATE_WORKING,
    "interrupted": TaskState.TASK_STATE_WORKING,
    "done": TaskState.TASK_STATE_COMPLETED,
    "failed": TaskState.TASK_STATE_FAILED,
    "stopped": TaskState.TASK_STATE_FAILED,
    "cancelled": TaskState.TASK_STATE_CANCELED,
}
TERMINAL = frozenset({TaskState.TASK_STATE_COMPLETED, TaskState.TASK_STATE_FAILED, TaskState.TASK_STATE_CANCELED})
SURFACE: Surface = "a2a"
ANSWER, PROVENANCE = "answer", "provenance"
"""Ids of the artifacts."""
SHOWN = 500
"""Characters of a member's answer that the provenance quotes."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a surface of A2A keeps with a run: the message that asked, and the media types that the client accepts."""

    message: Message
    modes: Sequence[str] = ()

    def data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"message": MessageToDict(self.message), "modes": list(self.modes)}

    @classmethod
    def of(cls, record: RunRecord) -> Told:
        """Return what was kept with a run."""
        data = {} if record.served is None else record.served.data
        message = ParseDict(data.get("message", {}), Message(), ignore_unknown_fields=True)
        return cls(message, data.get("modes", ()))


def task_of(record: RunRecord, messages: Sequence[Said], question: Question | None = None) -> Task:
    """Return a run as a task. `messages` are its messages so far, `question` what it asks a person now."""
    told = Told.of(record)
    task = Task(id=record.id, context_id=task_context(record), status=status_of(record, question))
    task.history.extend(_history(record, messages, told))
    if task.status.state in TERMINAL:
        task.artifacts.extend(_artifacts(record, messages, told))
    return task


def task_context(record: RunRecord) -> str:
    """Return the context of a task; its own id where the run has none."""
    return (record.served.context if record.served is not None else None) or record.id


def status_of(record: RunRecord, question: Question | None = None) -> TaskStatus:
    """Return the status of a run's task."""
    status = TaskStatus(state=STATES[record.status])
    status.timestamp.FromDatetime(record.updated)
    if question is not None and record.status == "running":
        status.state = TaskState.TASK_STATE_INPUT_REQUIRED
        status.message.CopyFrom(asked(record, question))
    elif record.status != "done" and record.detail:
        status.message.CopyFrom(_spoken(record, f"{record.id}-{record.status}", record.detail))
    return status


def asked(record: RunRecord, question: Question) -> Message:
    """Return a question to a person as a message."""
    message = _spoken(record, question.message, question.text)
    about = {"agent": question.agent, "role": question.role, "choices": list(question.choices)}
    ParseDict({EXTENSION: about}, message.metadata)
    return message


def progress(record: RunRecord, said: Said) -> Message | None:
    """Return what a member said as a message that tells how a task goes on; None for what the task itself says."""
    if said.sender == USER:
        return None
    description = describe(said, {}, verbose=True)
    message = _spoken(record, said.id, description.text)
    about = {"agent": said.sender, "kind": said.body.kind, "round": said.round, "node": said.node}
    ParseDict({EXTENSION: about}, message.metadata)
    return message


def _spoken(record: RunRecord, id: str, text: str) -> Message:
    return Message(
        message_id=id,
        task_id=record.id,
        context_id=task_context(record),
        role=Role.ROLE_AGENT,
        parts=[new_text_part(text)],
    )


def _history(record: RunRecord, messages: Sequence[Said], told: Told) -> Iterator[Message]:
    """What the client said: the message that asked, and the words of the people for whom it answered."""
    first = Message()
    first.CopyFrom(told.message)
    first.task_id, first.context_id = record.id, task_context(record)
    yield first
    people = {agent.name for agent in record.network.agents if agent.is_human}
    for said in messages:
        if said.sender in people:
            message = _spoken(record, said.id, describe(said, {}, verbose=True).text)
            message.role = Role.ROLE_USER
            yield message


def _artifacts(record: RunRecord, messages: Sequence[Said], told: Told) -> Iterator[Artifact]:
    if record.answer is not None:
        yield Artifact(artifact_id=ANSWER, name=ANSWER, parts=[_answer(record.answer, told)])
    yield Artifact(
        artifact_id=PROVENANCE,
        name=PROVENANCE,
        description="who took part, what each answered, how it was decided, and what it cost",
        parts=[new_data_part(provenance(record, messages), media_type=JSON)],
    )


def _answer(answer: str, told: Told) -> Part:
    if prefers_json(told.modes):
        try:
            return new_data_part(json.loads(answer, parse_constant=str), media_type=JSON)
        except (ValueError, RecursionError):
            """It is text all the same."""
    return new_text_part(answer, media_type=TEXT)


def provenance(record: RunRecord, messages: Sequence[Said]) -> dict[str, Any]:
    """Return where the result of a run comes from, as plain data."""
    usage = sum((said.usage for said in messages), Usage())
    results = [said.body for said in messages if isinstance(said.body, Result)]
    return {
        "run": record.id,
        "protocol": record.protocol_name,
        "status": record.status,
        "approved": approval(messages),
        "agents": list(speakers(messages, failed=False)),
        "decision": results[-1].decision if results else None,
        "support": results[-1].support if results else {},
        "usage": {
            "calls": usage.calls,
            "promptTokens": usage.prompt_tokens,
            "completionTokens": usage.completion_tokens,
            "seconds": usage.seconds,
            "cost": usage.cost,
        },
        "messages": [
            {
                "id": said.id,
                "sender": said.sender,
                "kind": said.body.kind,
                "node": said.node,
                "round": said.round,
                "replyTo": list(said.reply_to),
                "answer": None if (answer := answer_of(said.body)) is None else shown(answer, SHOWN),
            }
            for said in messages
        ],
    }
