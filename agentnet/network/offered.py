"""Which members the nodes of a network offer, without opening any of them."""

from __future__ import annotations

from agentnet.contracts.nodes import PRESENT
from agentnet.errors import BadInput


async def offered_members(store: str, network: str) -> list[str]:
    """Return the names of the members that nodes offer now, as a store has it; a missing store is not made.

    Raises `StoreError`.
    """
    from agentnet.network.roster import Roster
    from agentnet.store import Database
    from agentnet.store.nodes import Nodes

    try:
        database = await Database.open(store, existing=True)
    except BadInput:
        return []
    async with database:
        roster = Roster(Nodes(database, network))
        present = [node for node in await roster.nodes() if node.state in PRESENT]
    return sorted({offer.name for node in present for offer in node.offers})
