"""The network's agent card: what it can be asked, where, and signed by the gateway's key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version

from a2a.types.a2a_pb2 import (
    AgentCapabilities,
    AgentCard,
    AgentExtension,
    AgentInterface,
    AgentSkill,
    HTTPAuthSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from a2a.utils.constants import PROTOCOL_VERSION_1_0, TransportProtocol
from a2a.utils.signing import create_agent_card_signer

from agentnet.contracts.base import shown
from agentnet.network import Network
from agentnet.serving.a2a.asking import EXTENSION, INPUT_MODES, OUTPUT_MODES
from agentnet.serving.gateway import Gateway
from agentnet.serving.keys import ALGORITHM, NodeKey
from agentnet.serving.names import AUTO, Ready

PATH = "/a2a"
KEYS_PATH = "/.well-known/jwks.json"
BEARER = "bearer"
MOST_SKILLS = 100
MOST_TEXT = 500
"""Characters of a description that the card quotes."""


class Cards:
    """The card of a gateway's network. Follows its members as they come and go."""

    def __init__(self, gateway: Gateway, key: NodeKey) -> None:
        self._gateway = gateway
        header = {"kid": key.public, "alg": ALGORITHM, "jku": gateway.url + KEYS_PATH, "typ": "JOSE"}
        self._sign: Callable[[AgentCard], AgentCard] = create_agent_card_signer(key.signing_jwk(), header)  # type: ignore[arg-type]
        self._made: tuple[Network, bool, AgentCard] | None = None

    async def card(self) -> AgentCard:
        """Return the signed card of the network as it is now. Raises `StoreError`."""
        network, storage = self._gateway.session.network, self._gateway.session.storage
        keyed = storage is None or await storage.keys.any()
        if self._made is None or self._made[0] is not network or self._made[1] is not keyed:
            self._made = network, keyed, self._sign(_card(self._gateway, keyed=keyed))
        return self._made[2]


def _card(gateway: Gateway, *, keyed: bool) -> AgentCard:
    """Return the card of a gateway that wants keys, or that lets this machine's programs in without."""
    spec = gateway.session.network.spec
    return AgentCard(
        name=spec.name,
        description=shown(spec.description, MOST_TEXT) or f"{len(spec.agents)} models that answer together",
        version=version("agentnet-ai"),
        supported_interfaces=[
            AgentInterface(url=gateway.url + PATH, protocol_binding=binding, protocol_version=PROTOCOL_VERSION_1_0)
            for binding in (TransportProtocol.JSONRPC, TransportProtocol.HTTP_JSON)
        ],
        capabilities=AgentCapabilities(
            streaming=True,
            push_notifications=False,
            extended_agent_card=False,
            extensions=[
                AgentExtension(
                    uri=EXTENSION,
                    description="metadata of a message choose the protocol (a skill's id), the label of the task, the "
                    "seed and the limits of the run",
                )
            ],
        ),
        security_schemes={
            BEARER: SecurityScheme(
                http_auth_security_scheme=HTTPAuthSecurityScheme(
                    scheme="bearer", description="a key of the server with the scope ask"
                )
            )
        },
        security_requirements=[SecurityRequirement(schemes={BEARER: StringList()})] if keyed else [],
        default_input_modes=INPUT_MODES,
        default_output_modes=OUTPUT_MODES,
        skills=list(_skills(gateway)),
    )


def _skills(gateway: Gateway) -> Iterator[AgentSkill]:
    """A skill for each protocol and each member that can be asked now."""
    network = gateway.session.network
    for ready in gateway.names.ready()[:MOST_SKILLS]:
        yield AgentSkill(
            id=ready.choice.name if ready.choice.agent is None else f"{network.spec.name}/{ready.choice.agent}",
            name=ready.choice.name,
            description=shown(_about(network, ready), MOST_TEXT),
            tags=list(_tags(network, ready)),
        )


def _about(network: Network, ready: Ready) -> str:
    agent = ready.choice.agent
    about = ready.choice.summary if agent is None else network[agent].card.description or ready.choice.summary
    people = f"; waits for {', '.join(ready.people)}" if ready.people else ""
    return f"{about} ({', '.join(ready.members)}){people}" if agent is None and ready.members else about + people


def _tags(network: Network, ready: Ready) -> tuple[str, ...]:
    if ready.choice.agent is None:
        return ("protocol", "default") if ready.choice.name == AUTO else ("protocol",)
    return ("member", *network[ready.choice.agent].card.labels)
