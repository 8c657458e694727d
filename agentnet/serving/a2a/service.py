"""Tasks of A2A on the runs of a gateway: asked, answered, followed and looked at."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

from a2a.server.events.event_queue import Event as A2AEvent
from a2a.types.a2a_pb2 import (
    ListTasksRequest,
    ListTasksResponse,
    Message,
    SendMessageRequest,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from a2a.utils.errors import InvalidParamsError, TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError

from agentnet.contracts.events import InputRequested, MessageSaid, RunEnded, RunStatus
from agentnet.contracts.messages import Message as Said
from agentnet.contracts.questions import Question
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.serving import Caller, Served
from agentnet.serving.a2a import listing
from agentnet.serving.a2a.asking import MOST_EARLIER, context_of, conversation, output_modes, wishes_of, words_of
from agentnet.serving.a2a.tasks import SURFACE, TERMINAL, Told, asked, progress, status_of, task_context, task_of
from agentnet.serving.asked import Asked
from agentnet.serving.gateway import Gateway
from agentnet.store.listing import RunFilter

_ANSWERED: tuple[RunStatus, ...] = ("done",)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that arrived: the task that it began or went on with."""

    task: str
    answered: str = ""
    """Id of the question that it answered."""


@dataclass(frozen=True, slots=True)
class Now:
    """A run as it was read at one time."""

    record: RunRecord
    messages: Sequence[Said]
    question: Question | None

    def task(self) -> Task:
        return task_of(self.record, self.messages, self.question)


class Tasks:
    """The tasks of a gateway. Raises errors of A2A, `Problem` and `AgentNetError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway, self._runs = gateway, gateway.runs

    async def send(self, caller: Caller, request: SendMessageRequest) -> Sent:
        """Begin a task with a message, or give its words to the person that the message's task asks."""
        message = request.message
        words = words_of(message)
        if not message.task_id:
            return Sent(await self._begin(caller, request, words))
        record = await self.record(caller, message.task_id)
        if message.context_id and message.context_id != task_context(record):
            raise InvalidParamsError(f"contextId: task {record.id} belongs to another context: leave it out")
        question = await self._runs.question(caller, record.id)
        if question is None and record.status != "interrupted":
            state = TaskState.Name(status_of(record).state)
            raise UnsupportedOperationError(f"task {record.id} asks nothing ({state}): begin another in its context")
        await self._runs.answer(caller, record.id, words, wait=False)  # who listens is told what becomes of them
        return Sent(record.id, "" if question is None else question.message)

    async def _begin(self, caller: Caller, request: SendMessageRequest, words: str) -> str:
        wishes, modes = wishes_of(request), output_modes(request)
        context = context_of(request.message)
        earlier = await self._earlier(caller, context) if context else []
        choice = self._gateway.names.find(wishes.protocol)
        served = Served(
            caller=caller.id,
            surface=SURFACE,
            detached=True,
            context=context or token_hex(8),
            data=Told(request.message, modes).data(),
        )
        return await self._runs.start(
            caller,
            Asked(
                conversation([(words_of(Told.of(record).message), record) for record in earlier], words),
                served,
                choice.protocol,
                label=wishes.label,
                seed=wishes.seed,
                limits=wishes.limits,
            ),
        )

    async def _earlier(self, caller: Caller, context: str) -> list[RunRecord]:
        """The latest tasks of a caller's context that have an answer, in their order."""
        answered = RunFilter(caller=caller.id, surface=SURFACE, context=context, statuses=_ANSWERED)
        found = await self._gateway.session.runs.listed(answered, limit=MOST_EARLIER)
        return sorted(found, key=lambda record: record.created)

    async def record(self, caller: Caller, task: str) -> RunRecord:
        """Return the run of a task that the caller may see."""
        record = await self._runs.record(caller, task)
        if record.served is None or record.served.surface != SURFACE:
            raise TaskNotFoundError
        return record

    async def task(self, caller: Caller, task: str, *, answered: str = "") -> Task:
        """Return a task as it is now; a question whose answer has arrived is asked no more."""
        return (await self._now(caller, task, answered)).task()

    async def _now(self, caller: Caller, task: str, answered: str) -> Now:
        record = await self.record(caller, task)
        question = await self._runs.question(caller, task)
        if question is not None and question.message == answered:
            question = None
        return Now(record, await self._runs.messages(caller, task), question)

    async def settled(self, caller: Caller, sent: Sent) -> Task:
        """Return a task once it has ended, or asks a person."""
        async with aclosing(self._runs.follow(caller, sent.task)) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, InputRequested) and event.question.message != sent.answered:
                    break
        return await self.task(caller, sent.task, answered=sent.answered)

    async def updates(self, caller: Caller, sent: Sent, *, through_questions: bool) -> AsyncGenerator[A2AEvent, None]:
        """Yield a task as it is now, and how it goes on until it has ended; or until it asks a person.

        Whoever subscribes follows it `through_questions` that others answer.
        """
        async with aclosing(self._runs.follow(caller, sent.task)) as events:  # type: ignore[type-var]
            await anext(events, None)  # from here on, nothing that happens is missed
            now = await self._now(caller, sent.task, sent.answered)
            task, record, told = now.task(), now.record, {message.id for message in now.messages}
            yield task
            waits = task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
            if task.status.state in TERMINAL or (waits and not through_questions):
                return
            questions, time = {sent.answered, task.status.message.message_id}, record.updated
            async for event in events:
                match event:
                    case MessageSaid(message=said) if said.id not in told:
                        time = said.time
                        if (message := progress(record, said)) is not None:
                            yield _status(task, TaskState.TASK_STATE_WORKING, message, time)
                    case InputRequested(question=question) if question.message not in questions:
                        yield _status(task, TaskState.TASK_STATE_INPUT_REQUIRED, asked(record, question), time)
                        if not through_questions:
                            return
                    case RunEnded():
                        break
            ended = await self.task(caller, sent.task)
            for artifact in ended.artifacts:
                yield TaskArtifactUpdateEvent(
                    task_id=ended.id, context_id=ended.context_id, artifact=artifact, last_chunk=True
                )
            yield TaskStatusUpdateEvent(task_id=ended.id, context_id=ended.context_id, status=ended.status)

    async def cancel(self, caller: Caller, task: str) -> Task:
        """Cancel a task, and return it."""
        record = await self.record(caller, task)
        if status_of(record).state in TERMINAL or not await self._runs.cancel(caller, task):
            raise TaskNotCancelableError(f"task {record.id} is over, or not active here")
        return await self.task(caller, task)

    async def page(self, caller: Caller, request: ListTasksRequest) -> ListTasksResponse:
        """Return a page of the tasks that the caller may see."""
        size, behind = listing.page_size(request), listing.place_of(request)
        waiting = self._runs.questions
        wanted, runs = listing.wanted(request, caller, waiting), self._gateway.session.runs
        records = await runs.listed(wanted, behind=behind, limit=size + 1)
        shown = records[:size]
        return ListTasksResponse(
            tasks=[await self._listed(record, request, waiting.get(record.id)) for record in shown],
            next_page_token=listing.token_of(shown[-1]) if len(records) > size else "",
            page_size=size,
            total_size=await runs.count(wanted),
        )

    async def _listed(self, record: RunRecord, request: ListTasksRequest, question: Question | None) -> Task:
        """Return a task of a list. The messages of its run are read where the task shows any of them."""
        people = any(agent.is_human for agent in record.network.agents)
        read = request.include_artifacts or people
        return task_of(record, await self._gateway.session.runs.messages(record.id) if read else (), question)


def _status(task: Task, state: TaskState, message: Message, time: datetime) -> TaskStatusUpdateEvent:
    """The same event for whoever follows a task."""
    status = TaskStatus(state=state, message=message)
    status.timestamp.FromDatetime(time)
    return TaskStatusUpdateEvent(task_id=task.id, context_id=task.context_id, status=status)
