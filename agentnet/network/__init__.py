"""The network: agents that are members now, read from a network file and opened together."""

from agentnet.network.files import find_network
from agentnet.network.network import Network

__all__ = ["Network", "find_network"]
