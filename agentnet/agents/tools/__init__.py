"""Tools of MCP servers that members use within a turn: the servers, what is offered of them, and how models call it.

`ToolServers` are the servers of a network; a `Toolbox` holds what one member may use of them; `ModelToolUser` lets its
model plan the calls. `agentnet.collab.tool_turn` makes and records them.
"""

from agentnet.agents.tools.servers import ToolServers
from agentnet.agents.tools.toolbox import Toolbox
from agentnet.agents.tools.user import ModelToolUser

__all__ = ["ModelToolUser", "ToolServers", "Toolbox"]
