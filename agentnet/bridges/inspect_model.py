"""A protocol as a model of inspect-ai.

inspect eval task.py --model agentnet/vote -M network=zoo -M label=math
"""

from __future__ import annotations

from typing import Any

from agentnet.bridges.respondent import Respondent, unanswered
from agentnet.contracts.conversation import Conversation
from agentnet.contracts.speakers import speakers
from agentnet.coordinator import Outcome
from agentnet.errors import BadInput
from agentnet.logs import logger

try:
    from inspect_ai.model import (
        ChatCompletionChoice,
        ChatMessage,
        ChatMessageAssistant,
        GenerateConfig,
        ModelAPI,
        ModelCall,
        ModelOutput,
        ModelUsage,
    )
    from inspect_ai.tool import ToolChoice, ToolInfo
except ImportError as error:
    raise BadInput(f'inspect-ai is not installed ({error}); pip install "agentnet-ai[inspect]"') from error


def _refused() -> type[Exception]:
    """The error that inspect's command line shows as one line. It is not public: a version may not have it."""
    try:
        from inspect_ai._util.error import PrerequisiteError
    except ImportError:
        return BadInput
    error: type[Exception] = PrerequisiteError
    return error


Refused = _refused()
log = logger("bridges.inspect_model")

ARGUMENTS = ("network", "label", "unanswered")
NOT_PASSED_ON = (
    "max_tokens",
    "stop_seqs",
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "num_choices",
    "best_of",
    "logprobs",
    "top_logprobs",
    "response_schema",
    "reasoning_effort",
    "reasoning_tokens",
)
"""Settings of inspect for one model's decoding; in AgentNet each agent has its own, in the network file."""


class NetworkAPI(ModelAPI):
    """The provider ``agentnet``; the model's name is a protocol: a shipped one, a YAML file, or an expression."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 (inspect's own signature)
        **model_args: Any,
    ) -> None:
        """Check the protocol and the network; nothing is loaded yet. Raises `Refused`, with one line."""
        super().__init__(model_name, base_url, api_key, [], config)
        try:
            for name in model_args:
                if name not in ARGUMENTS:
                    raise BadInput(f"unknown model argument {name!r} (known: {', '.join(ARGUMENTS)})")
            given = {name: str(value) for name, value in model_args.items() if value is not None}
            self.respondent = Respondent(
                model_name,
                given.get("network"),
                label=given.get("label"),
                unanswered=given.get("unanswered", "error"),
            )
        except BadInput as error:
            raise Refused(f"agentnet: {error}".replace("[", r"\[")) from error
        self._warned = False

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> tuple[ModelOutput, ModelCall]:
        """Return a run's answer, with its messages as the recorded call. Raises `AgentNetError`; inspect records it."""
        if tools:
            raise BadInput(f"the task gives the model tools ({tools[0].name}, …): a network cannot call them")
        self._warn(config)
        conversation = Conversation.of((message.role, _text(message)) for message in input)
        outcome = await self.respondent.ask(conversation.text(), config.seed)
        return self._output(outcome), _call(outcome)

    async def aclose(self) -> None:
        """Release the models of this event loop."""
        await self.respondent.close()

    def connection_key(self) -> str:
        """Return the network's name: evaluations of protocols on one network share its connections."""
        return self.respondent.network.name

    def _output(self, outcome: Outcome) -> ModelOutput:
        answered, usage = outcome.answer is not None, outcome.usage
        message = ChatMessageAssistant(content=outcome.answer or "", model=self.model_name, source="generate")
        return ModelOutput(
            model=self.model_name,
            choices=[ChatCompletionChoice(message=message, stop_reason="stop" if answered else "unknown")],
            usage=ModelUsage(
                input_tokens=usage.prompt_tokens - usage.reused_tokens,
                input_tokens_cache_read=usage.reused_tokens or None,
                output_tokens=usage.completion_tokens,
                total_tokens=usage.tokens,
                total_cost=usage.cost or None,
            ),
            metadata={
                "run": outcome.run,
                "status": outcome.status,
                "calls": usage.calls,
                "agents": speakers(outcome.messages, failed=True),
                "protocol": self.respondent.protocol.name,
                "network": self.respondent.network.name,
                "label": self.respondent.label,
            },
            error=None if answered else unanswered(outcome, self.respondent.protocol.name),
        )

    def _warn(self, config: GenerateConfig) -> None:
        given = [name for name in NOT_PASSED_ON if getattr(config, name, None) is not None]
        if given and not self._warned:
            self._warned = True
            log.warning("agentnet: %s: not passed on; set an agent's sampling in the network file", ", ".join(given))


def _call(outcome: Outcome) -> ModelCall:
    """The task as the request, and all other messages as the response."""
    task, *messages = (message.model_dump(mode="json") for message in outcome.messages)
    return ModelCall.create(request=task, response={"messages": messages})


def _text(message: ChatMessage) -> str:
    """The text of a message. Raises `BadInput` for other content."""
    if isinstance(message.content, str):
        return message.content
    for content in message.content:
        if content.type not in ("text", "reasoning"):
            raise BadInput(f"a message with {content.type}: a network takes only text")
    return str(message.text)
