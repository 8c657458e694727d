"""Tools of MCP servers, as a network file names them: the servers, and which of their tools a member may use, and how.

::

    tools:
      calc: calculator                                    # a server that ships with AgentNet
      files: {command: [npx, -y, "@scope/server", docs]}  # a program of this machine, over stdio
      search: {url: "https://tools.example/mcp", key_env: AGENTNET_KEY_SEARCH}
    agents:
      - {name: ann, model: "openai:gpt-x", tools: [search/find, files/read_file]}
      - {name: bob, model: "zoo:math", tools: {allow: [calc/calculate], use: always, numbers: task, answer: result}}
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from agentnet.contracts.base import FileModel
from agentnet.contracts.model_specs import Address

SERVER_NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,31}$"
TOOL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}/[A-Za-z0-9_./-]{1,128}")
"""``SERVER/TOOL``."""
PASSED = r"^AGENTNET_KEY_[A-Z0-9_]+$"
"""Variables of the environment that a network file may name for a program: they are there for network files."""


class ToolServer(FileModel):
    """An MCP server: exactly one of `shipped`, `command` and `url`. ``calculator`` and ``http…`` are short forms."""

    shipped: Literal["calculator"] | None = Field(default=None, description="a server that ships with AgentNet")
    command: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="a program and its arguments, started in the network file's folder; MCP over its stdin and stdout. "
        "It is started only where `agentnet tools --allow` allowed it",
    )
    env: tuple[Annotated[str, Field(pattern=PASSED)], ...] = Field(
        default=(), description="variables that the program gets beside PATH, HOME and the like: AGENTNET_KEY_…"
    )
    url: Address | None = Field(default=None, description="MCP over streamable HTTP")
    key_env: str | None = Field(
        default=None, description="variable of the key that the server gets as a Bearer token; rules as `api_key_env`"
    )
    start: float = Field(default=60.0, gt=0, le=600, description="seconds until it must have listed its tools")

    @model_validator(mode="after")
    def _is_one(self) -> ToolServer:
        if sum((self.shipped is not None, bool(self.command), self.url is not None)) != 1:
            raise ValueError("a server of tools is one of shipped, command and url")
        if self.env and not self.command:
            raise ValueError("`env` is for a program: it goes with `command`")
        if self.key_env is not None and self.url is None:
            raise ValueError("`key_env` is for a server at a `url`; a program gets variables by `env`")
        return self


def _server(value: object) -> object:
    if isinstance(value, str):
        return {"url": value} if value.startswith(("http://", "https://")) else {"shipped": value}
    return value


AnyToolServer = Annotated[ToolServer, BeforeValidator(_server)]


class ToolUse(FileModel):
    """The tools that a member may use in a turn, and the limits of their use. A list of names is short for `allow`."""

    allow: tuple[str, ...] = Field(min_length=1, description="SERVER/TOOL: no other tool is offered to the member")
    use: Literal["auto", "always"] = Field(
        default="auto", description="always: in every turn, it has to make a call before it replies"
    )
    numbers: Literal["any", "task"] = Field(
        default="any", description="task: a number among the arguments has to be one that the task states"
    )
    answer: Literal["reply", "result"] = Field(
        default="reply",
        description="reply: the member reads the results and replies; result: the last result is its answer, and its "
        "model writes nothing more",
    )
    calls: int = Field(default=4, ge=1, le=32, description="most calls of a turn")
    seconds: float = Field(default=20.0, gt=0, le=3600, description="most seconds of a call")
    bytes: int = Field(default=4096, ge=16, le=1_048_576, description="most bytes of a result; the rest is cut off")

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return {"allow": value} if isinstance(value, list | tuple) else value

    @field_validator("allow")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in names if not TOOL_NAME.fullmatch(name)]:
            raise ValueError(f"{wrong[0]!r} names no tool of a server: write SERVER/TOOL")
        return tuple(dict.fromkeys(names))

    @property
    def servers(self) -> frozenset[str]:
        """Names of the servers whose tools are allowed."""
        return frozenset(name.partition("/")[0] for name in self.allow)

    @property
    def chosen(self) -> bool:
        """Whether the member has a choice: which tool it uses, or whether it uses any."""
        return self.use == "auto" or len(self.allow) > 1
