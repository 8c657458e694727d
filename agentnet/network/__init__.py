"""The network: its current member agents, read from a network file and opened together."""

from agentnet.network.files import find_network
from agentnet.network.network import Changed, Members, Network, with_cards
from agentnet.network.registry import Registry

__all__ = ["Changed", "Members", "Network", "Registry", "find_network", "with_cards"]
