"""The resources: the network, its members' cards, the protocols, the caller's runs, and the reports of evaluations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from textwrap import shorten
from typing import Any

from mcp.shared.uri_template import UriTemplate
from mcp_types import Resource, ResourceTemplate, TextResourceContents

from agentnet.collab.library import find_protocol
from agentnet.contracts.messages import Message
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.serving import Caller
from agentnet.contracts.speakers import speakers
from agentnet.contracts.usage import Usage
from agentnet.errors import AgentNetError, BadInput
from agentnet.rendering.describe import describe
from agentnet.serving.app import Problem
from agentnet.serving.mcp.uris import CARDS, NETWORK, PROTOCOLS, REPORTS, RUNS
from agentnet.serving.names import Choice, Names
from agentnet.serving.running import RunService
from agentnet.store.listing import RunFilter

JSON, MARKDOWN = "application/json", "text/markdown"
LISTED = 20
"""Runs, and reports, that a list shows: the latest ones. Others are read by their ids."""
COMPLETED = 100
"""The most values that completion proposes."""

Read = Callable[[Caller, str], Awaitable[str]]


class NotThere(AgentNetError):
    """A resource that does not exist, or not for this caller."""

    code = "no-such-resource"


class Resources:
    """What callers can read of one network. Callers see their own runs; reports are for the scope `admin`."""

    def __init__(self, runs: RunService, names: Names) -> None:
        self._runs, self._session, self._names = runs, runs.session, names
        self._readers: tuple[tuple[UriTemplate, str, Read], ...] = (
            (CARDS, JSON, self._card),
            (PROTOCOLS, JSON, self._protocol),
            (RUNS, JSON, self._run),
            (REPORTS, MARKDOWN, self._report),
        )

    async def listed(self, caller: Caller) -> list[Resource]:
        """Return what there is, with the latest runs and reports that the caller may see."""
        name = self._session.network.spec.name
        found = [Resource(uri=NETWORK, name="network", title=f"The network {name}", description=_ABOUT, mime_type=JSON)]
        for agent in self._session.network:
            about = shorten(agent.card.description, 200, placeholder=" …") or None
            uri = CARDS.expand({"agent": agent.name})
            found.append(Resource(uri=uri, name=f"card {agent.name}", description=about, mime_type=JSON))
        for name, choice in self._protocols().items():
            uri = PROTOCOLS.expand({"protocol": name})
            found.append(Resource(uri=uri, name=f"protocol {name}", description=choice.summary, mime_type=JSON))
        if self._session.storage is None:
            return found
        for run in await self._runs_of(caller, LISTED):
            about = f"{run.status}: {shorten(run.task.text, 100, placeholder=' …')}"
            uri = RUNS.expand({"run": run.id})
            found.append(Resource(uri=uri, name=f"run {run.id}", description=about, mime_type=JSON))
        if caller.may("admin"):
            for evaluation in await self._session.storage.evaluations.latest(LISTED):
                uri = REPORTS.expand({"evaluation": evaluation.id})
                about = f"{evaluation.name} on {evaluation.network.name}, {evaluation.status}"
                found.append(Resource(uri=uri, name=f"report {evaluation.id}", description=about, mime_type=MARKDOWN))
        return found

    def templates(self) -> list[ResourceTemplate]:
        """Return the addresses of what is read by its name or id."""
        about = {
            CARDS: ("card", "A member's card: what it says of itself, and what was measured of it.", JSON),
            PROTOCOLS: ("protocol", "A protocol that can run on the network, with its expression.", JSON),
            RUNS: ("run", "A run from its question to its end, with every message.", JSON),
            REPORTS: ("report", "The report of an evaluation; needs the scope admin.", MARKDOWN),
        }
        return [
            ResourceTemplate(uri_template=str(uri), name=name, description=description, mime_type=kind)
            for uri, (name, description, kind) in about.items()
        ]

    async def read(self, caller: Caller, uri: str) -> TextResourceContents:
        """Return the content of a resource. Raises `NotThere`."""
        if uri == NETWORK:
            return TextResourceContents(uri=uri, text=_json(self._network()), mime_type=JSON)
        for template, kind, reader in self._readers:
            match list((template.match(uri) or {}).values()):
                case [str() as name]:
                    try:
                        return TextResourceContents(uri=uri, text=await reader(caller, name), mime_type=kind)
                    except (KeyError, BadInput, NotThere, Problem) as error:
                        if isinstance(error, Problem) and error.status != 404:
                            raise
                        raise NotThere(f"there is no resource {uri[:200]}") from error
        raise NotThere(f"there is no resource {uri[:200]}")

    async def completed(self, caller: Caller, template: str, begun: str) -> list[str]:
        """Return the names, or ids, that complete a template's variable. Raises `NotThere` for an unknown template."""
        names: Iterable[str]
        if template == str(CARDS):
            names = self._session.network.agents
        elif template == str(PROTOCOLS):
            names = self._protocols()
        elif template == str(RUNS):
            names = [run.id for run in await self._runs_of(caller, COMPLETED)] if self._session.storage else ()
        elif template == str(REPORTS):
            storage = self._session.storage if caller.may("admin") else None
            names = () if storage is None else [one.id for one in await storage.evaluations.latest(COMPLETED)]
        else:
            raise NotThere(f"there is no template {template[:200]}")
        return [name for name in names if name.startswith(begun)]

    async def _runs_of(self, caller: Caller, limit: int) -> list[RunRecord]:
        wanted = RunFilter(caller=None if caller.may("admin") else caller.id)
        return await self._session.runs.listed(wanted, limit=limit)

    def _protocols(self) -> dict[str, Choice]:
        return {ready.choice.name: ready.choice for ready in self._names.ready() if ready.choice.agent is None}

    def _network(self) -> dict[str, Any]:
        network = self._session.network
        return {
            "name": network.spec.name,
            "members": [
                {
                    "name": agent.name,
                    "description": agent.card.description,
                    "roles": agent.card.roles,
                    "measured": {label: measured.accuracy for label, measured in agent.card.measured.items()},
                    "card": CARDS.expand({"agent": agent.name}),
                }
                for agent in network
            ],
            "labels": sorted({label for agent in network for label in agent.card.measured}),
            "protocols": [
                {"name": name, "summary": choice.summary, "calls": find_protocol(name).calls}
                for name, choice in self._protocols().items()
            ],
        }

    async def _card(self, caller: Caller, agent: str) -> str:
        card = self._session.network.agents[agent].card
        return _json({"name": agent, **card.model_dump(mode="json")})

    async def _protocol(self, caller: Caller, protocol: str) -> str:
        return _json(find_protocol(self._protocols()[protocol].name).model_dump(mode="json"))

    async def _run(self, caller: Caller, run: str) -> str:
        record = await self._runs.record(caller, run)
        return _json(run_data(record, await self._session.runs.messages(record.id)))

    async def _report(self, caller: Caller, evaluation: str) -> str:
        from agentnet.evals.report.markdown import markdown
        from agentnet.evals.summary import summarise

        storage = self._session.storage
        if storage is None or not caller.may("admin"):
            raise NotThere(f"the caller may see no report {evaluation}")
        evaluations = storage.evaluations
        record = await evaluations.find(evaluation)
        trials, items = await evaluations.trials(record.id), await evaluations.items(record.id, "test")
        return await asyncio.to_thread(lambda: markdown(summarise(record, trials, items)))


_ABOUT = "Who takes part, for which kinds of tasks they were measured, and the protocols that can run."


def run_data(record: RunRecord, messages: Iterable[Message]) -> dict[str, Any]:
    """Return a run as plain data: its question, each message in words, its end, and what it used."""
    said = {message.id: message for message in messages}
    return {
        "run": record.id,
        "status": record.status,
        "protocol": record.protocol_name,
        "network": record.network.name,
        "question": record.task.text,
        "label": record.task.label,
        "answer": record.answer,
        "detail": record.detail,
        "created": record.created.isoformat(),
        "agents": speakers(said.values(), failed=False),
        "messages": [_message_data(message, said) for message in said.values()],
        "usage": sum((message.usage for message in said.values()), Usage()).model_dump(mode="json"),
    }


def _message_data(message: Message, said: Mapping[str, Message]) -> dict[str, Any]:
    described = describe(message, said, verbose=True)
    return {"sender": message.sender, "kind": message.body.kind, "round": message.round, "text": described.text}


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)
