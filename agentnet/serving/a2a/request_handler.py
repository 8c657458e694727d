"""The operations of A2A as the SDK's servers call them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from a2a.server.context import ServerCallContext
from a2a.server.events.event_queue import Event
from a2a.server.request_handlers.request_handler import RequestHandler, validate_request_params
from a2a.server.routes.common import DefaultServerCallContextBuilder
from a2a.types.a2a_pb2 import (
    AgentCard,
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    SendMessageRequest,
    SubscribeToTaskRequest,
    Task,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import (
    PushNotificationNotSupportedError,
    UnsupportedOperationError,
)
from a2a.utils.task import apply_history_length, validate_history_length
from starlette.requests import Request

from agentnet.contracts.serving import Caller
from agentnet.serving.a2a.errors import telling
from agentnet.serving.a2a.service import Sent, Tasks
from agentnet.serving.a2a.tasks import TERMINAL
from agentnet.serving.app import caller_of

CALLER = "caller"
"""The place in a call's state of who was let in."""


class Calls(DefaultServerCallContextBuilder):
    """Makes the context of a call: who calls."""

    def build(self, request: Request) -> ServerCallContext:
        context = super().build(request)
        context.state[CALLER] = caller_of(request)
        return context


class TaskRequestHandler(RequestHandler):
    """What clients may do: ask, answer, follow, look and cancel. Nothing is pushed to addresses of theirs."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    @validate_request_params
    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Task | Message:
        with telling():
            validate_history_length(params.configuration)
            caller = _caller(context)
            sent = await self._tasks.send(caller, params)
            if params.configuration.return_immediately:
                task = await self._tasks.task(caller, sent.task, answered=sent.answered)
            else:
                task = await self._tasks.settled(caller, sent)
            return apply_history_length(task, params.configuration)

    @validate_request_params
    async def on_message_send_stream(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event, None]:
        with telling():
            validate_history_length(params.configuration)
            caller = _caller(context)
            sent = await self._tasks.send(caller, params)
            async with aclosing(self._tasks.updates(caller, sent, through_questions=False)) as updates:
                async for update in updates:
                    if isinstance(update, Task):
                        update = apply_history_length(update, params.configuration)
                    yield update

    @validate_request_params
    async def on_subscribe_to_task(
        self, params: SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event, None]:
        with telling():
            caller = _caller(context)
            task = await self._tasks.task(caller, params.id)
            if task.status.state in TERMINAL:
                raise UnsupportedOperationError(f"task {task.id} is over: get it")
            async with aclosing(self._tasks.updates(caller, Sent(task.id), through_questions=True)) as updates:
                async for update in updates:
                    yield update

    @validate_request_params
    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task | None:
        with telling():
            validate_history_length(params)
            return apply_history_length(await self._tasks.task(_caller(context), params.id), params)

    @validate_request_params
    async def on_list_tasks(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        with telling():
            page = await self._tasks.page(_caller(context), params)
            for task in page.tasks:
                if not params.include_artifacts:
                    task.ClearField("artifacts")
                task.CopyFrom(apply_history_length(task, params))
            return page

    @validate_request_params
    async def on_cancel_task(self, params: CancelTaskRequest, context: ServerCallContext) -> Task | None:
        with telling():
            return await self._tasks.cancel(_caller(context), params.id)

    async def on_get_extended_agent_card(
        self, params: GetExtendedAgentCardRequest, context: ServerCallContext
    ) -> AgentCard:
        raise UnsupportedOperationError("the card is the same for everybody")

    async def on_create_task_push_notification_config(
        self, params: TaskPushNotificationConfig, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        raise PushNotificationNotSupportedError

    async def on_get_task_push_notification_config(
        self, params: GetTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        raise PushNotificationNotSupportedError

    async def on_list_task_push_notification_configs(
        self, params: ListTaskPushNotificationConfigsRequest, context: ServerCallContext
    ) -> ListTaskPushNotificationConfigsResponse:
        raise PushNotificationNotSupportedError

    async def on_delete_task_push_notification_config(
        self, params: DeleteTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> None:
        raise PushNotificationNotSupportedError


def _caller(context: ServerCallContext) -> Caller:
    caller = context.state[CALLER]
    assert isinstance(caller, Caller)
    return caller
