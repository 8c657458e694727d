"""Who may use a served network, and what a run that was asked for over it remembers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from agentnet.contracts.base import FileModel, WireModel

Scope = Literal["ask", "admin", "node", "metrics"]
"""`ask` runs protocols and sees its own runs; `admin` sees and changes everything; `node` lets nodes join; `metrics`
reads the server's measurements."""
LONGEST_CONTEXT = 256
"""Characters of the name of a conversation."""
Surface = Literal["openai", "a2a", "mcp", "api"]
"""The protocol by which somebody asked."""


class KeyLimits(FileModel):
    """What one key may use; None is unbounded. Days are UTC."""

    tokens_per_day: int | None = Field(default=None, ge=1)
    cost_per_day: float | None = Field(default=None, gt=0)
    runs: int = Field(default=64, ge=1, description="runs at the same time")
    seconds: float | None = Field(default=None, gt=0, description="longest run")


class Caller(WireModel):
    """Somebody who was let in. `id` is the id of their key; empty for this machine itself, where no keys are needed."""

    id: str = ""
    name: str = ""
    scopes: tuple[Scope, ...] = ("ask", "admin", "node")
    limits: KeyLimits = KeyLimits()

    def may(self, scope: Scope) -> bool:
        """Return whether the caller has a scope; `admin` includes the others."""
        return scope in self.scopes or "admin" in self.scopes


class KeyRecord(WireModel):
    """What is stored of a key: never the key itself, only its SHA-256."""

    id: str = Field(description="public part of the key: it names it in lists and logs")
    name: str
    scopes: tuple[Scope, ...]
    limits: KeyLimits = KeyLimits()
    digest: str = Field(description="SHA-256 of the key, in hex")
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None

    def why_not(self) -> str | None:
        """Return why the key is not accepted any more; None for one that is."""
        if self.revoked is not None:
            return "was revoked"
        if self.expires is not None and self.expires <= datetime.now(UTC):
            return f"expired on {self.expires:%Y-%m-%d}"
        return None


class Served(WireModel):
    """How a run was asked for, so that another process can continue to serve it.

    A `detached` run goes on when its caller goes away, and a server that starts again resumes it. Others are cancelled.
    """

    caller: str = Field(default="", description="id of the caller's key")
    surface: Surface
    detached: bool = False
    context: str | None = Field(
        default=None, max_length=LONGEST_CONTEXT, description="the conversation that it belongs to"
    )
    data: dict[str, Any] = Field(
        default_factory=dict, description="what the surface needs, such as the request as it came"
    )
