"""What a checkpoint holds: small plain data, however long the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agentnet.contracts.bodies import Task
from agentnet.contracts.limits import Limits
from agentnet.coordinator import Coordinator
from agentnet.store import Database, Runs, open_checkpointer
from tests.scripted import agent, from_the_prompt, network, spec

TASK = Task(text="What is 17 × 23?")
MEGABYTE = 10**6


async def test_three_hundred_turns_leave_less_than_two_megabytes(tmp_path: Path) -> None:
    web = network(*(agent(name, from_the_prompt) for name in ("ada", "ben", "cyd")))
    protocol = spec({"debate": {"members": ["@solver"], "rounds": 100, "stop": "never"}})
    async with await Database.open(tmp_path / "s.db") as database, open_checkpointer(tmp_path / "c.db") as checkpointer:
        runs = Runs(database)
        outcome = await Coordinator(web, store=runs, checkpointer=checkpointer).run(TASK, protocol, run="r")
        assert outcome.status == "done"
        assert outcome.usage.calls == 300
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert size < 2 * MEGABYTE, f"{size / MEGABYTE:.2f} MB: {[(f.name, f.stat().st_size) for f in tmp_path.iterdir()]}"


async def test_a_checkpoint_holds_ids_and_no_text(tmp_path: Path) -> None:
    web = network(*(agent(name, from_the_prompt) for name in ("ada", "ben", "cyd")))
    inner = {"debate": {"members": ["ada", "ben"], "rounds": 2, "stop": "never"}}
    async with await Database.open(tmp_path / "s.db") as database, open_checkpointer(tmp_path / "c.db") as checkpointer:
        coordinator = Coordinator(web, store=Runs(database), checkpointer=checkpointer)
        outcome = await coordinator.run(TASK, spec({"serial": [inner, "cyd"]}), run="r", limits=Limits(calls=4))
        assert outcome.status == "stopped"
        config: Any = {"configurable": {"thread_id": "r"}}
        saved = [found async for found in checkpointer.alist(config)]
    assert saved
    for found in saved:
        values = json.dumps(found.checkpoint["channel_values"])
        assert "working" not in values
        assert TASK.text not in values
        assert len(values) < 2000
    assert any(outcome.messages[1].id in json.dumps(found.checkpoint["channel_values"]) for found in saved)


async def test_the_checkpoints_of_a_run_go_at_its_end(tmp_path: Path) -> None:
    web = network(agent("ada", from_the_prompt))
    async with open_checkpointer(tmp_path / "c.db") as checkpointer:
        await Coordinator(web, checkpointer=checkpointer).run(TASK, spec("ada"), run="r")
        config: Any = {"configurable": {"thread_id": "r"}}
        assert await checkpointer.aget_tuple(config) is None
