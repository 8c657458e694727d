"""A reader who is slower than the stream, and leaves in the middle of it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from starlette.types import Message

from tests.serving.access.gateways import running


async def test_a_slow_reader_who_leaves_is_no_failure_of_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as gateway:
        debate = {"debate": {"members": ["one", "two"], "rounds": 3, "stop": "never"}}
        run = (await gateway.session.run("What is 1 + 1?", debate)).run
        host = gateway.url.removeprefix("http://").encode()
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"/api/runs/{run}/events",
            "raw_path": f"/api/runs/{run}/events".encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", host)],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "asgi": {"version": "3.0", "spec_version": "2.4"},
        }
        sent: list[Message] = []
        requests = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Message:
            return next(requests, None) or await asyncio.Event().wait()  # type: ignore[return-value]

        async def send(message: Message) -> None:
            sent.append(message)
            if len(sent) == 3:
                await asyncio.sleep(0.3)  # the stream is full meanwhile
                raise OSError("the reader is gone")

        with caplog.at_level(logging.WARNING):
            await asyncio.wait_for(gateway.made.app(scope, receive, send), 10)
        assert sent[0]["status"] == 200
        assert len(sent) == 3
        assert [record.getMessage() for record in caplog.records if "unexpectedly" in record.getMessage()] == []
