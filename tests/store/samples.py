"""Runs and messages to store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agentnet.contracts.bodies import Proposal, Task
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message, message_id
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.usage import Usage

NETWORK = NetworkSpec.model_validate(
    {"name": "trio", "agents": [{"name": name, "model": "zoo:math"} for name in ("ann", "bob", "cyd")]}
)


def run_record(id: str = "run-1", **changes: Any) -> RunRecord:
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "id": id,
        "task": Task(text="2 + 2?", label="math"),
        "protocol_name": "debate",
        "protocol": {"debate": {"rounds": 2}},
        "network": NETWORK,
        "fingerprint": "abc",
        "seed": 7,
        "limits": Limits(tokens=1000),
        "status": "running",
        "created": now,
        "updated": now,
    }
    return RunRecord(**{**values, **changes})


def message(run: str = "run-1", round: int = 0, sender: str = "ann", **changes: Any) -> Message:
    values: dict[str, Any] = {
        "id": message_id(run, "debate", round, sender),
        "run": run,
        "sequence": 999,
        "sender": sender,
        "node": "debate",
        "round": round,
        "time": datetime.now(UTC),
        "usage": Usage(calls=1, prompt_tokens=10, completion_tokens=5, seconds=0.5, cost=0.25),
        "body": Proposal(answer="4", text=f"round {round}: 4"),
    }
    return Message(**{**values, **changes})
