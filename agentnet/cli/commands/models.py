"""``agentnet models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentnet.cli import options
from agentnet.redaction import redacted_url, without_secrets

if TYPE_CHECKING:
    from agentnet.contracts.network import AgentSpec


def models(network: options.NetworkOption = None, json: options.Json = False) -> None:
    """List a network's members, their models and their cards."""
    from rich.text import Text

    from agentnet.cli.entry import printable
    from agentnet.cli.messages_view import style_of
    from agentnet.cli.output import console, emit, show_table, table
    from agentnet.network import find_network

    spec, _ = find_network(options.settings_from(network=network).network.value)
    if json:
        emit({"network": spec.name, "agents": [_data(agent) for agent in spec.agents]})
        return
    screen = console()
    screen.print(Text(spec.name, "bold") + Text(f"  {printable(spec.description)}"))
    rows = table(
        "agent",
        "model",
        "size",
        "roles",
        "measured (claimed)",
        right=("size",),
        wrap=("model", "roles", "measured (claimed)"),
    )
    names = [agent.name for agent in spec.agents]
    for agent in spec.agents:
        card = _card(agent)
        size = f"{card.parameters / 1e6:.2g} M" if card.parameters else ""
        name = Text(agent.name, style_of(agent.name, names))
        rows.add_row(name, _model(agent), size, ", ".join(card.roles), _scores(agent))
    show_table(rows)


def _card(agent: AgentSpec) -> Any:
    return agent.card


def _data(agent: AgentSpec) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": agent.name,
        "model": without_secrets(agent.model.model_dump(mode="json", exclude_unset=True)) | {"kind": agent.model.kind},
        "pack": agent.pack,
        "card": _card(agent).model_dump(mode="json"),
    }
    if agent.model.kind == "llama" and agent.model.path.startswith("zoo:"):
        from agentnet.zoo.catalog import zoo_cards

        if known := zoo_cards().get(agent.model.path.removeprefix("zoo:")):
            data["zoo"] = known.model_dump(mode="json", exclude=set(type(_card(agent)).model_fields))
    return data


def _model(agent: AgentSpec) -> str:
    model = agent.model
    if model.kind == "llama":
        return model.path
    if model.kind == "replay":
        return f"recorded: {model.replay}"
    if model.kind == "node":
        return f"on nodes: {model.member}"
    if model.kind == "human":
        return f"a person at the {model.human}"
    if model.kind == "a2a":
        return f"an agent at {redacted_url(model.a2a)}"
    where = redacted_url(model.base_url) if model.base_url else f"${model.base_url_env}"
    return f"{model.model} at {where}"


def _scores(agent: AgentSpec) -> str:
    card = _card(agent)
    shown = []
    for label in card.labels:
        measured = card.measured.get(label)
        score = f"{label} {100 * (measured.accuracy if measured else card.claims[label]):.0f} %"
        shown.append(score if measured else f"({score})")
    return ", ".join(shown) or "unknown"
