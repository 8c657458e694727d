"""What an outside agent answered: the words of its message, or of its task's artifacts."""

from __future__ import annotations

import json
from collections.abc import Iterable

from a2a.server.tasks.task_manager import append_artifact_to_task
from a2a.types.a2a_pb2 import Part, StreamResponse, Task, TaskState
from google.protobuf.json_format import MessageToDict

from agentnet.contracts.base import shown
from agentnet.errors import BadResponse, ModelError

GOING_ON = (
    TaskState.TASK_STATE_UNSPECIFIED,
    TaskState.TASK_STATE_SUBMITTED,
    TaskState.TASK_STATE_WORKING,
)
_SHOWN = 300
"""Characters of an agent's words that an error quotes."""


class Heard:
    """What an agent has said so far."""

    def __init__(self) -> None:
        self.task: Task | None = None
        self._message: list[Part] | None = None

    def add(self, response: StreamResponse) -> None:
        """Take in what arrived. Raises `BadResponse` for what belongs to no task, or to another one."""
        match response.WhichOneof("payload"):
            case "message":
                self._message = list(response.message.parts)
            case "task":
                self.now(response.task)
            case "status_update":
                self._of(response.status_update.task_id).status.CopyFrom(response.status_update.status)
            case "artifact_update":
                append_artifact_to_task(self._of(response.artifact_update.task_id), response.artifact_update)

    def now(self, task: Task) -> None:
        """Take in how the task stands."""
        if self.task is not None and task.id != self.task.id:
            raise BadResponse("it answered with another task than the one that it began")
        self.task = task

    @property
    def goes_on(self) -> bool:
        """Whether the task has not ended yet, and asks nothing."""
        return self._message is None and self.task is not None and self.task.status.state in GOING_ON

    def words(self) -> str:
        """Return the answer. Raises `ModelError` for a task that did not bring one."""
        if self._message is not None:
            return _words(self._message)
        if self.task is None:
            raise BadResponse("it answered with nothing")
        status = self.task.status
        said = _words(status.message.parts)
        if status.state != TaskState.TASK_STATE_COMPLETED:
            state = TaskState.Name(status.state).removeprefix("TASK_STATE_").lower().replace("_", "-")
            asks = "; a turn is one message, so that nobody answers it" if status.state in _ASKING else ""
            raise ModelError(f"its task is {state}{f': {shown(said, _SHOWN)}' if said else ''}{asks}")
        parts = [part for artifact in self.task.artifacts for part in artifact.parts]
        return _words(parts) or said

    def _of(self, task: str) -> Task:
        if self.task is None or self.task.id != task:
            raise BadResponse("it tells of another task than the one that it began")
        return self.task


_ASKING = (TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED)


def _words(parts: Iterable[Part]) -> str:
    """The texts of parts; where there are none, their data as JSON."""
    kinds = [(part.WhichOneof("content"), part) for part in parts]
    texts = [part.text for kind, part in kinds if kind == "text" and part.text.strip()]
    if texts:
        return "\n\n".join(texts)
    data = [json.dumps(MessageToDict(part.data), ensure_ascii=False) for kind, part in kinds if kind == "data"]
    return "\n\n".join(data)
