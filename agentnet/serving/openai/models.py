"""The models of a network as OpenAI's API lists them: what can be asked by name, and can really run now.

A name is there if its protocol binds to the members, passes preflight, and asks no person: nobody could answer over
this API.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from agentnet.collab.combinators import children
from agentnet.contracts.protocols import PROBABILITIES, Ask, Best, Expression, Fuse
from agentnet.errors import PreflightError
from agentnet.serving.app import Problem
from agentnet.serving.names import AUTO, Names, Ready


class Models:
    """The models of a gateway, as its members are now."""

    def __init__(self, names: Names) -> None:
        self._names, self._created = names, int(time.time())

    def listed(self) -> list[dict[str, Any]]:
        """Return all models that can run now."""
        return [
            self._data(name, ready) for ready in self._names.ready() if not ready.people for name in self._of(ready)
        ]

    def described(self, name: str) -> dict[str, Any]:
        """Return one model. Raises `Problem`."""
        return self._data(name, self.find(name))

    def find(self, name: str) -> Ready:
        """Return what a name stands for. Raises `Problem` for an unknown one, and for one that cannot run now."""
        ready = self._names.prepared(self._names.find(name))
        if ready.people:
            why = f"the model {name!r} asks {ready.people[0]}, who cannot be asked over this API"
            raise Problem(404, why, "model_not_found", param="model")
        return ready

    def _of(self, ready: Ready) -> Iterator[str]:
        """Yield the names of what can be asked."""
        choice, network = ready.choice, self._names.network
        if choice.agent is None:
            yield choice.name
        if choice.agent is None and choice.name == AUTO:
            yield network
        yield f"{network}/{choice.name}"

    def _data(self, name: str, ready: Ready) -> dict[str, Any]:
        choice = ready.choice
        kind = "protocol" if choice.agent is None else "agent"
        about = {"kind": kind, "summary": choice.summary, "members": list(ready.members)}
        created, owner = self._created, self._names.network
        return {"id": name, "object": "model", "created": created, "owned_by": owner, "agentnet": about}


def require_tokens(name: str, expression: Expression) -> None:
    """Raise `PreflightError` unless a protocol has the probabilities of its answer's tokens to tell."""
    why = _hides_tokens(expression)
    if why is not None:
        raise PreflightError(
            f"{name} has no log-probabilities of its own: {why}; ask one member or a fusion of probabilities, or leave "
            f"logprobs out"
        )


def _hides_tokens(expression: Expression) -> str | None:
    match expression:
        case Ask():
            return None
        case Fuse():
            sums = expression.strategy not in PROBABILITIES
            return f"`{expression.strategy}` adds up logits" if sums else None
        case Best():
            return next((why for part in children(expression) if (why := _hides_tokens(part))), None)
        case _:
            return "its answer comes from several replies"
