"""The language-neutral contracts: JSON Schemas generated from the types into ``protocols/schemas/``.

``python -m agentnet.schemas`` writes them; with ``--check`` it fails where a file differs from its type.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agentnet import resources
from agentnet.contracts.messages import Message
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.protocols import ProtocolSpec

PUBLISHED: dict[str, type[BaseModel]] = {"message": Message, "network": NetworkSpec, "protocol": ProtocolSpec}
"""Schema name → the type it is generated from."""


def schema_text(kind: type[BaseModel]) -> str:
    """The JSON Schema (draft 2020-12) of a type, as the text of its file."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **kind.model_json_schema()}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def stale(place: Path) -> list[str]:
    """The names of the published schemas whose files are missing or differ from their types."""
    files = {name: place / f"{name}.json" for name in PUBLISHED}
    return [
        name
        for name, file in files.items()
        if not file.is_file() or file.read_text(encoding="utf-8") != schema_text(PUBLISHED[name])
    ]


def main(arguments: Sequence[str]) -> int:
    """Write the schemas, or check them; returns the exit code."""
    place = resources.folder("protocols") / "schemas"
    if "--check" in arguments:
        if differing := stale(place):
            print(f"out of date: {', '.join(differing)} in {place}; run `make generated`", file=sys.stderr)  # noqa: T201
        return 1 if differing else 0
    place.mkdir(exist_ok=True)
    for name, kind in PUBLISHED.items():
        (place / f"{name}.json").write_text(schema_text(kind), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
