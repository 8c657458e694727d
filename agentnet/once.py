"""`agentnet.run`: one question to a network that is opened for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentnet.blocking import blocking
from agentnet.collab.asking import Protocol, Question
from agentnet.coordinator import Outcome
from agentnet.network.files import NetworkSource
from agentnet.session import open_session


def run(
    question: Question,
    protocol: Protocol | None = None,
    *,
    network: NetworkSource | None = None,
    store: str | Path | None = None,
    remember: bool = True,
    **options: Any,
) -> Outcome:
    """Open a network, answer one question, and close the network; blocks. Public as `agentnet.run`.

    Takes the options of `Session.run`. If the calling thread runs an event loop (a notebook), it uses another thread.
    To ask several questions, open a session: it keeps the models loaded.
    """

    async def ask() -> Outcome:
        async with open_session(network, store=store, remember=remember) as session:
            return await session.run(question, protocol, **options)

    return blocking(ask())
