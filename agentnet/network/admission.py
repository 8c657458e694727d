"""Whether a node may register: its key, its name, and the members that it offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from agentnet.contracts.network import is_reserved
from agentnet.contracts.nodes import LEASED, NodeCard, NodeRecord
from agentnet.prompts import shipped_packs
from agentnet.store.nodes import NodeTable


def refusal(
    card: NodeCard,
    table: NodeTable,
    before: NodeRecord | None,
    now: datetime,
    own: Collection[str],
    *,
    silent: bool,
) -> str | None:
    """Return one line that says why a node may not register; None if it may.

    `before` is what is known of its key, and `own` are the names of the network's own members. `silent`: nothing
    answers for the key at its earlier address.
    """
    return _of_key(card, table, before, now, silent) or _of_name(card, table) or _of_members(card, table, own)


def _of_key(card: NodeCard, table: NodeTable, before: NodeRecord | None, now: datetime, silent: bool) -> str | None:
    if before is None:
        return None
    if before.state == "expelled":
        event = table.latest(card.key, "expelled")
        why = f" ({event.why})" if event is not None else ""
        return f"node {before.name} was expelled{why}: ask the network's owner, who can readmit its key"
    if before.state in LEASED and before.url != card.url and before.until > now and not silent:
        left = max(0.0, (before.until - now).total_seconds())
        return (
            f"the key of node {card.name} is in use at {before.url} as {before.name}: give this node a key of its own, "
            f"or end that one (its lease has {left:.0f} seconds left)"
        )
    return None


def _of_name(card: NodeCard, table: NodeTable) -> str | None:
    known = table.named(card.name)
    if known is None or known.key == card.key:
        return None
    return (
        f"the name {card.name!r} belongs to another node, with the key {known.key[:8]}… ({known.state}): choose "
        f"another name, or have that node forgotten if it will not come back"
    )


def _of_members(card: NodeCard, table: NodeTable, own: Collection[str]) -> str | None:
    digests = {offer.name: offer.digest for offer in card.offers}
    for offer in card.offers:
        if is_reserved(offer.name):
            return f"no member can be called {offer.name!r}: the name is reserved; offer it under another name"
        if offer.name in own:
            return f"{offer.name!r} is a member of the network itself: offer yours under another name"
        if offer.pack not in shipped_packs():
            return (
                f"{offer.name} is to be prompted by the pack {offer.pack!r}, which a network does not have: a node's "
                f"members use {', '.join(sorted(shipped_packs()))}"
            )
    name, count = Counter(offer.name for offer in card.offers).most_common(1)[0]
    if count > 1:
        return f"two members are called {name!r}: a node offers each name once"
    if (other := table.conflict(digests, card.name)) is not None:
        member, digest, node = other
        return (
            f"node {node} offers another model as {member!r} (digest {digest[:12]}…, here "
            f"{digests[member][:12]}…): offer yours under another name"
        )
    return None
