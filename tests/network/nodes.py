"""Cards of nodes, and a clock that stands still until it is set."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from agentnet.contracts.nodes import NodeCard

START = datetime(2030, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return a time, in seconds after the start."""
    return START + timedelta(seconds=seconds)


def offer(name: str = "poet", digest: str = "d1", **values: Any) -> dict[str, Any]:
    return {"name": name, "digest": digest, **values}


def card(name: str = "box", *offers: dict[str, Any], key: str | None = None, url: str | None = None) -> NodeCard:
    """Return a node's card; by default its key and its URL follow from its name, and it offers one member."""
    return NodeCard.model_validate_json(
        json.dumps(
            {
                "name": name,
                "key": key or f"key-of-{name}",
                "url": url or f"http://127.0.0.1:9000/{name}",
                "offers": offers or [offer()],
            }
        )
    )
