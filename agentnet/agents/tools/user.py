"""`ModelToolUser`: a model plans the calls of a turn, and nothing but the task decides what it plans.

The model sees the task and the tools, and neither what other members said nor any result. So no words of others choose
a tool or its arguments (the rule of CaMeL, Debenedetti et al., arXiv 2503.18813). All calls of a turn are planned at
once; their results are data for the reply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from agentnet.agents.base import ANSWERING, Need, PlannedTurn, ToolUser, Turn
from agentnet.agents.metering import billed, most_prompt_tokens
from agentnet.agents.tools.forms import (
    calls_schema,
    check,
    numbers_in,
    read_calls,
    read_function,
    read_values,
    values_pattern,
    with_numbers,
)
from agentnet.agents.tools.toolbox import Toolbox
from agentnet.contracts.bodies import PlannedCall, ToolCall
from agentnet.contracts.cards import Card
from agentnet.contracts.formats import schema_grammar
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.errors import ReplyError, SchemaUnsupported, ToolError
from agentnet.models.base import ChatMessage, Completion, Model, Request, ToolOffer
from agentnet.prompts import Pack
from agentnet.prompts.words import one_line

CALL = "call"
"""The role whose template asks for calls."""
_FUNCTION = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class ModelToolUser(ToolUser):
    """A member's model with its toolbox."""

    name: str
    model: Model
    card: Card
    pack: Pack
    sampling: Sampling
    toolbox: Toolbox

    def wanted(self, turn: Turn) -> bool:
        """Return whether it answers in a turn, and no other member's words would choose the tool."""
        rests_on_others = turn.step is not None and bool(turn.step.answers)
        return turn.role in ANSWERING and not (rests_on_others and self.toolbox.use.chosen)

    async def plan(self, turn: Turn) -> PlannedTurn:
        offers = self._offers(turn)
        if not offers:
            return PlannedTurn()
        usage, native = Usage(), False
        if self._native:
            completion = await self.model.generate(self._native_request(turn, offers))
            usage = billed(completion.usage, self.card)
            native = self._native  # a server that took no tools is asked in words
        if not native:
            completion = await self.model.generate(self._written_request(turn, offers))
            usage = usage + billed(completion.usage, self.card)
        try:
            return PlannedTurn(self._read(completion, offers, native=native), usage)
        except ReplyError as error:
            return PlannedTurn(usage=usage, failure=error)

    def most(self, turn: Turn) -> Usage:
        offers = self._offers(turn)
        if not offers:
            return Usage()
        request = (self._native_request if self._native else self._written_request)(turn, offers)
        described = sum(len(json.dumps(tool.parameters)) + len(tool.description) for tool in request.tools)
        prompt = most_prompt_tokens(self.model, request) + described
        usage = Usage(calls=1, prompt_tokens=prompt, completion_tokens=request.sampling.max_tokens)
        return billed(usage, self.card)

    async def make(self, turn: Turn, call: PlannedCall, id: str) -> ToolCall:
        try:
            check(call, self._offers(turn))
        except ToolError as error:
            return ToolCall(tool=call.tool, arguments=call.arguments, error=str(error))
        return await self.toolbox.call(call, id)

    def closing(self, turn: Turn) -> str | None:
        if self.toolbox.use.answer == "reply" or not self.wanted(turn):
            return None
        if not turn.calls:
            raise ReplyError(f"{self.name} made no call, and its answer is a tool's result")
        last = turn.calls[-1]
        if last.error:
            raise ReplyError(f"there is no result to answer with: {last.error}")
        written = ", ".join(f"{name} {one_line(str(value), 64)}" for name, value in last.arguments.items())
        return f"{last.tool}: {written} {self.pack.spec.answer_marker} {one_line(last.result)}"

    def can(self, need: Need) -> list[str]:
        use = self.toolbox.use
        problems = [f"{self.name} may use tools, and {problem}" for problem in self.toolbox.problems]
        if CALL not in self.pack.roles:
            problems.append(f"{self.name} may use tools, but its prompt pack {self.pack.name!r} has no template `call`")
        elif self.pack.spec.call == "values":
            problems += self._bare_problems()
        elif not self._native:
            problems += self._written_problems()
        if use.answer == "result" and need.logprobs:
            problems.append(
                f"{self.name} must give its confidence, but its answer is a tool's result; set `answer: reply` for it"
            )
        if use.answer == "result" and need.format:
            problems.append(
                f"{self.name} must reply in a form, but its answer is a tool's result; set `answer: reply` for it"
            )
        return problems

    def _read(
        self, completion: Completion, offers: Mapping[str, ToolOffer], *, native: bool
    ) -> tuple[PlannedCall, ...]:
        """Return the calls of a reply. Raises `ReplyError`."""
        if native:
            return _called(completion, offers)[: self.toolbox.use.calls]
        if self.pack.spec.call == "values":
            (offer,) = offers.values()
            return (read_values(completion.text, offer),)
        return read_calls(completion.text, self.toolbox.use.calls)

    def _written_problems(self) -> list[str]:
        """Return why the member cannot write its calls as JSON."""
        if self.model.capabilities.schema is False:
            return [f"{self.name} may use tools, but {self.model.name} can be held to no form of a call"]
        if not self.toolbox.offers:
            return []
        try:
            schema_grammar(calls_schema(tuple(self.toolbox.offers.values()), least=1, most=1))
        except SchemaUnsupported as error:
            return [f"{self.name} may use tools, but its model cannot be held to their schemas: {error}"]
        return []

    def _bare_problems(self) -> list[str]:
        """Return why the member cannot call with bare values, as its pack says."""
        use = self.toolbox.use
        what = f"{self.name} calls tools with bare values, as its prompt pack {self.pack.name!r} says"
        problems = []
        if use.chosen:
            problems.append(f"{what}: allow it one tool, and set `use: always`")
        if use.answer != "result":
            problems.append(f"{what}, which shows no results to its model: set `answer: result`")
        if not self.model.capabilities.grammar:
            problems.append(f"{what}, but {self.model.name} cannot be held to a regular expression")
        for offer in self.toolbox.offers.values():
            try:
                values_pattern(offer)
            except ToolError as error:
                problems.append(str(error))
        return problems

    @property
    def _native(self) -> bool:
        return self.pack.spec.call == "json" and self.model.capabilities.tools is not False

    def _offers(self, turn: Turn) -> dict[str, ToolOffer]:
        """Return the tools that can be called for a task."""
        if self.toolbox.use.numbers == "any":
            return dict(self.toolbox.offers)
        numbers = numbers_in(turn.task.text)
        narrowed = {name: with_numbers(offer, numbers) for name, offer in self.toolbox.offers.items()}
        return {name: offer for name, offer in narrowed.items() if offer is not None}

    def _native_request(self, turn: Turn, offers: Mapping[str, ToolOffer]) -> Request:
        named = tuple(
            ToolOffer(function, offers[name].description, offers[name].parameters)
            for function, name in _functions(offers).items()
        )
        always = self.toolbox.use.use == "always"
        return Request(self._prompt(turn, {}), self._sampling(turn), tools=named, must_call=always)

    def _written_request(self, turn: Turn, offers: Mapping[str, ToolOffer]) -> Request:
        use, sampling = self.toolbox.use, self._sampling(turn)
        if self.pack.spec.call == "values":
            (offer,) = offers.values()
            return Request(self._prompt(turn, offers), sampling, regex=values_pattern(offer))
        schema = None
        if self.model.capabilities.schema is not False:
            schema = calls_schema(tuple(offers.values()), least=int(use.use == "always"), most=use.calls)
        return Request(self._prompt(turn, offers), sampling, schema=schema)

    def _prompt(self, turn: Turn, offers: Mapping[str, ToolOffer]) -> tuple[ChatMessage, ...]:
        """Return the prompt for calls; `offers` are the tools that its text has to name."""
        use = self.toolbox.use
        text = self.pack.render(
            CALL,
            turn.task,
            step=turn.step,
            name=self.name,
            tools=_lines(offers),
            most=use.calls,
            must=use.use == "always",
        )
        return ({"role": "user", "content": text},)

    def _sampling(self, turn: Turn) -> Sampling:
        sampling = turn.sampling or self.sampling
        return sampling if sampling.seed is not None else sampling.model_copy(update={"seed": turn.seed})


def _lines(offers: Mapping[str, ToolOffer]) -> list[dict[str, str]]:
    """Return each tool's name, description and arguments (a JSON Schema), in one line each."""
    return [
        {
            "name": one_line(name),
            "description": offer.description,
            "arguments": one_line(json.dumps(offer.parameters, ensure_ascii=False)),
        }
        for name, offer in offers.items()
    ]


def _called(completion: Completion, offers: Mapping[str, ToolOffer]) -> tuple[PlannedCall, ...]:
    """Return the calls of a reply in OpenAI's form."""
    tools = _functions(offers)
    return tuple(read_function(tools.get(call.name, call.name), call.arguments) for call in completion.calls)


def _functions(offers: Mapping[str, ToolOffer]) -> dict[str, str]:
    """Return function → tool: a function's name has letters, digits, hyphens and underscores, at most 64."""
    functions: dict[str, str] = {}
    for number, name in enumerate(offers):
        function = _FUNCTION.sub("_", name)[:60]
        functions[f"{function}_{number}" if function in functions else function] = name
    return functions
