"""The network: its current member agents, read from a network file and opened together."""

from agentnet.network.files import find_network
from agentnet.network.network import Members, Network, WithCards
from agentnet.network.registry import Registry

__all__ = ["Members", "Network", "Registry", "WithCards", "find_network"]
