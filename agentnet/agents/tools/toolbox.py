"""`Toolbox`: the tools that one member may use, and the limits of their use."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentnet.contracts.bodies import PlannedCall, ToolCall
from agentnet.contracts.tools import ToolUse
from agentnet.errors import ToolError
from agentnet.models.base import ToolOffer
from agentnet.prompts.words import clean, one_line

if TYPE_CHECKING:
    from mcp_types import CallToolResult

    from agentnet.agents.tools.connection import ToolConnection

LONGEST_ERROR = 500
"""Characters of a tool's own words about why it failed."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What a member may use. `problems` are the allowed tools that cannot be used, in one line each."""

    use: ToolUse
    offers: Mapping[str, ToolOffer]
    problems: tuple[str, ...]
    connection: Callable[[str], ToolConnection]
    """Returns the server of a tool. Raises `ToolError`."""

    async def call(self, planned: PlannedCall, id: str) -> ToolCall:
        """Make a call, and return it with its result, or with the reason why there is none.

        `id` names the call to the server.
        """
        call = ToolCall(tool=planned.tool, arguments=planned.arguments)
        try:
            _, _, name = planned.tool.partition("/")
            found = await self.connection(planned.tool).call(name, planned.arguments, seconds=self.use.seconds, id=id)
        except ToolError as error:
            return call.model_copy(update={"error": str(error)})
        text = _text_of(found)
        if found.is_error:
            return call.model_copy(update={"error": one_line(text, LONGEST_ERROR) or f"{planned.tool} failed"})
        kept = text.encode()[: self.use.bytes].decode(errors="ignore")
        return call.model_copy(update={"result": kept, "cut": len(kept) < len(text)})


def _text_of(found: CallToolResult) -> str:
    """Return the text of a result; what is no text is named."""
    parts = [getattr(block, "text", f"[{block.type}]") for block in found.content]
    if not parts and found.structured_content is not None:
        parts = [json.dumps(found.structured_content, ensure_ascii=False)]
    return clean("\n".join(parts))
