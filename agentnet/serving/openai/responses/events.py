"""The events of a streamed response, as the API numbers and nests them: response, items, parts, pieces of text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agentnet.serving.app import Problem
from agentnet.serving.openai.responses.bodies import ResponseView, text_part
from agentnet.serving.openai.spoken import Spoken
from agentnet.serving.openai.telling import Channel

_PIECES: dict[Channel, str] = {"reasoning": "reasoning_text", "content": "output_text", "refusal": "refusal"}


class ResponseEvents:
    """The events of one response. Items come one after another: reasoning, then the message."""

    def __init__(self, view: ResponseView) -> None:
        self._view = view
        self._number = 0
        self._index = -1
        self._channel: Channel | None = None
        self._texts: list[str] = []

    def begin(self) -> Iterator[bytes]:
        """Yield the first events."""
        for kind in ("created", "in_progress"):
            yield self._event(f"response.{kind}", response=self._view.unfinished("in_progress"))

    def piece(self, channel: Channel, text: str) -> Iterator[bytes]:
        """Yield the events of a piece of text."""
        if channel != self._channel:
            yield from self._closed(None)
            yield from self._opened(channel)
        self._texts.append(text)
        more: dict[str, Any] = {"logprobs": []} if channel == "content" else {}
        yield self._event(f"response.{_PIECES[channel]}.delta", **self._place(), delta=text, **more)

    def end(self, spoken: Spoken) -> Iterator[bytes]:
        """Yield the last events."""
        if self._channel in (None, "reasoning") and spoken.problem is None:
            yield from self._closed(None)
            yield from self._opened("content")
        yield from self._closed(spoken)
        whole = self._view.whole(spoken)
        status = "failed" if whole["status"] == "cancelled" else whole["status"]
        yield self._event(f"response.{status}", response=whole)

    def failure(self, problem: Problem) -> bytes:
        """Return the last event of a stream that broke."""
        return self._event("error", code=problem.code, message=str(problem), param=problem.param)

    def _opened(self, channel: Channel) -> Iterator[bytes]:
        self._channel, self._texts = channel, []
        self._index += 1
        yield self._event("response.output_item.added", output_index=self._index, item=self._item("in_progress", []))
        yield self._event("response.content_part.added", **self._place(), part=self._part("", None))

    def _closed(self, spoken: Spoken | None) -> Iterator[bytes]:
        channel, text = self._channel, "".join(self._texts)
        if channel is None:
            return
        part = self._part(text, spoken)
        more = {"logprobs": part["logprobs"]} if channel == "content" else {}
        said = {"refusal" if channel == "refusal" else "text": text}
        yield self._event(f"response.{_PIECES[channel]}.done", **self._place(), **said, **more)
        yield self._event("response.content_part.done", **self._place(), part=part)
        cut = channel == "content" and spoken is not None and spoken.finish == "length"
        item = self._item("incomplete" if cut else "completed", [part])
        yield self._event("response.output_item.done", output_index=self._index, item=item)
        self._channel = None

    def _item(self, status: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
        if self._channel == "reasoning":
            return self._view.reasoning(parts[0]["text"] if parts else None, status)
        return self._view.message(parts, status)

    def _part(self, text: str, spoken: Spoken | None) -> dict[str, Any]:
        if self._channel == "content":
            return text_part(text, spoken)
        kind = _PIECES[self._channel or "reasoning"]
        return {"type": kind, "refusal" if self._channel == "refusal" else "text": text}

    def _place(self) -> dict[str, Any]:
        item = "rs" if self._channel == "reasoning" else "msg"
        return {"item_id": f"{item}_{self._view.run}", "output_index": self._index, "content_index": 0}

    def _event(self, kind: str, **fields: Any) -> bytes:
        data = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        return f"event: {kind}\ndata: {text}\n\n".encode()
