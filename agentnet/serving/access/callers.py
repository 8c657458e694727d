"""Who callers are: those that keys stand for, and those that have none."""

from __future__ import annotations

from agentnet.contracts.serving import Caller, KeyLimits, KeyRecord
from agentnet.serving.access.places import MOST_RUNS
from agentnet.serving.node.client import TOKEN

LOCAL = Caller(name="this machine", limits=KeyLimits(runs=MOST_RUNS))
"""The caller of a server that needs no keys."""
JOINING = Caller(id=TOKEN, name=TOKEN, scopes=("node",))
"""Who has the network's secret, which lets nodes join and does nothing else."""


def caller_with(record: KeyRecord) -> Caller:
    """Return the caller that a key stands for."""
    return Caller(id=record.id, name=record.name, scopes=record.scopes, limits=record.limits)
