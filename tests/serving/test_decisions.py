"""What `auto` decided, over the API."""

from __future__ import annotations

from pathlib import Path

from agentnet.contracts.bodies import Analysis
from agentnet.policy import Learned
from agentnet.serving.access.callers import LOCAL
from agentnet.serving.api.policy import decisions
from agentnet.serving.gateway import Gateway
from agentnet.serving.running import RunService
from agentnet.session import Session
from agentnet.settings import resolve
from agentnet.store.storage import open_storage
from tests.collab.test_auto import AUTO, policy, web
from tests.scripted import spec


async def test_a_decision_that_forks_copied_counts_once(tmp_path: Path) -> None:
    team = web()
    settings = resolve(store=str(tmp_path / "store.db"), environment={})
    async with open_storage(settings) as storage:
        session = Session(team, settings=settings, storage=storage, learned=Learned.of(policy(team)))
        gateway = Gateway(session, RunService(session), "http://127.0.0.1:8080")
        done = await session.run("?", AUTO, label="law")
        (decided,) = [message for message in done.messages if isinstance(message.body, Analysis)]
        for protocol in (None, spec({"ask": {"agent": "cyd"}})):
            fork = await session.fork(done.run, decided.id, protocol)
            assert any(isinstance(message.body, Analysis) and message.body.use for message in fork.messages)
        assert await decisions(gateway, LOCAL.model_copy(update={"id": "ann", "scopes": ("ask",)})) == []
        (found,) = await decisions(gateway, LOCAL)
        assert (found.label, found.use, found.count, found.run) == ("law", "vote", 1, done.run)
