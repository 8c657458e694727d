"""Responses as the API has them: what was asked, what came of it, and what of it the store keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from agentnet.contracts.base import WireModel
from agentnet.contracts.conversation import Utterance
from agentnet.contracts.runs import RunRecord
from agentnet.serving.app import Problem
from agentnet.serving.openai.replies import logprobs_data
from agentnet.serving.openai.spoken import Spoken

PREFIX = "resp_"
Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]


class Kept(WireModel):
    """What the record of a run keeps of the request for a response, for whoever asks for it later."""

    kind: Literal["response"] = "response"
    model: str
    agent: str | None = Field(default=None, description="the member that is asked alone")
    turns: tuple[Utterance, ...] = Field(description="the conversation before the instructions and this input")
    input: tuple[Utterance, ...]
    store: bool = True
    reasoning: bool = True
    echo: dict[str, Any] = Field(default_factory=dict, description="fields of the request that responses repeat")


class ResponseView:
    """One response: the run of an id, with what is kept of its request."""

    def __init__(self, run: str, kept: Kept, created: datetime) -> None:
        self.run, self.kept, self._created = run, kept, created

    @classmethod
    def new(cls, run: str, kept: Kept) -> ResponseView:
        """Return the response of a run that begins now."""
        return cls(run, kept, datetime.now(UTC))

    @classmethod
    def of(cls, record: RunRecord) -> ResponseView | None:
        """Return the response of a recorded run; None for a run that is none, or was not to be found again."""
        data = record.served.data if record.served is not None else {}
        if data.get("kind") != "response":
            return None
        kept = Kept.model_validate_json(json.dumps(data))
        return cls(record.id, kept, record.created) if kept.store else None

    @property
    def id(self) -> str:
        return f"{PREFIX}{self.run}"

    def unfinished(self, status: Status) -> dict[str, Any]:
        """Return the response without an output yet."""
        return self._data(status, [], None)

    def whole(self, spoken: Spoken) -> dict[str, Any]:
        """Return the response of a run that ended."""
        status = self._status(spoken)
        data = self._data(status, self.output(spoken), _usage(spoken))
        if status == "incomplete":
            data["incomplete_details"] = {"reason": "max_output_tokens"}
        if status == "failed" and spoken.problem is not None:
            data["error"] = error_data(spoken.problem)
        return data | {"agentnet": spoken.about()}

    def output(self, spoken: Spoken) -> list[dict[str, Any]]:
        """Return the items of the output: what was told as reasoning, and the message."""
        items = []
        if (reasoning := spoken.text("reasoning")) is not None:
            items.append(self.reasoning(reasoning, "completed"))
        refusal, content = spoken.text("refusal"), spoken.text("content")
        if refusal is not None:
            items.append(self.message([{"type": "refusal", "refusal": refusal}], "completed"))
        elif spoken.problem is None:
            done = "incomplete" if spoken.finish == "length" else "completed"
            items.append(self.message([text_part(content or "", spoken)], done))
        return items

    def reasoning(self, text: str | None, status: str) -> dict[str, Any]:
        """Return the item that tells what the members said; None for one that says nothing yet."""
        content = [] if text is None else [{"type": "reasoning_text", "text": text}]
        return {"id": f"rs_{self.run}", "type": "reasoning", "summary": [], "content": content, "status": status}

    def message(self, content: Sequence[dict[str, Any]], status: str) -> dict[str, Any]:
        """Return the item that holds the content."""
        id = f"msg_{self.run}"
        return {"id": id, "type": "message", "role": "assistant", "status": status, "content": list(content)}

    def _status(self, spoken: Spoken) -> Status:
        ended = spoken.ended
        if ended is not None and ended.status == "cancelled":
            return "cancelled"
        if spoken.problem is not None:
            return "failed"
        return "incomplete" if spoken.finish == "length" else "completed"

    def _data(self, status: Status, output: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        defaults = {
            **dict.fromkeys(("instructions", "max_output_tokens", "previous_response_id", "temperature", "top_p")),
            **{"background": False, "store": self.kept.store, "metadata": {}, "text": {"format": {"type": "text"}}},
        }
        return {
            **defaults,
            **self.kept.echo,
            "id": self.id,
            "object": "response",
            "created_at": int(self._created.timestamp()),
            "status": status,
            "model": self.kept.model,
            "output": output,
            "usage": usage,
            "error": None,
            "incomplete_details": None,
            "parallel_tool_calls": False,
            "tool_choice": "none",
            "tools": [],
            "truncation": "disabled",
        }


def text_part(text: str, spoken: Spoken | None) -> dict[str, Any]:
    """Return the part of a message that holds its text, with the tokens if they were asked for."""
    told = None if spoken is None else logprobs_data(spoken.tokens)
    logprobs = [] if told is None else [_named(token) for token in told["content"]]
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def error_data(problem: Problem) -> dict[str, str]:
    """Return a problem as responses have it."""
    codes = {429: "rate_limit_exceeded", 400: "invalid_prompt"}
    return {"code": codes.get(problem.status, "server_error"), "message": str(problem)}


def _named(token: dict[str, Any]) -> dict[str, Any]:
    return token | {"bytes": token["bytes"] or []}


def _usage(spoken: Spoken) -> dict[str, Any]:
    usage = spoken.usage
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.reused_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": spoken.reasoning_tokens},
        "total_tokens": usage.tokens,
    }
