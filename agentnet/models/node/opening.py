"""Opening the model of a member that nodes serve. What speaks to nodes is loaded with the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentnet.contracts.nodes import NodeSpec, Offer
from agentnet.models.addresses import AddressPolicy
from agentnet.models.node.directory import Directory

if TYPE_CHECKING:
    from agentnet.models.node.model import NodeModel


def open_node_model(spec: NodeSpec, *, directory: Directory, policy: AddressPolicy) -> NodeModel:
    """Return the model of a member, with the abilities that its nodes offer. `policy` says where nodes may be.

    Where no node serves it now, such as when a run is resumed, it is a model that may have some again later.
    """
    from agentnet.models.node.model import node_model

    endpoints = directory.endpoints(spec.member, spec.digest)
    offer = endpoints[0].offer if endpoints else Offer(name=spec.member, digest=spec.digest)
    return node_model(spec, directory, offer, policy)
