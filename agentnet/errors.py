"""Every error that AgentNet raises on purpose.

    AgentNetError
    ├── BadInput                input of a person that cannot be used; says where and what to do
    │   ├── ProtocolError       a protocol expression or file
    │   ├── NetworkError        a network file, an agent, a card
    │   ├── ScenarioError       a scenario file
    │   ├── PolicyError         a policy file, or one that was learned on another network
    │   └── PreflightError      the protocol needs what the network cannot do
    ├── ModelError              a model cannot be loaded or does not answer
    │   ├── ModelFileError      not a GGUF, truncated, unreadable, does not fit
    │   ├── ContextOverflow     the prompt is longer than the model's context
    │   ├── SchemaUnsupported   a JSON Schema that cannot constrain the model's replies
    │   ├── ModelUnavailable    the server is down, times out, or still refuses after the retries
    │   │   └── RateLimited     the server answers 429
    │   ├── NotRecorded         a replay has no recorded reply to the question
    │   └── BadResponse         the server's response is not a completion
    ├── ToolError               a tool's server cannot be used, or a call of its tool failed
    ├── ReplyError              the model's reply is not in the required form
    ├── Unsuited                the protocol's agents were measured, and know too little about the task's label
    ├── NodeError               what a node asks for cannot be granted
    │   ├── NodeRefused         it may not register, or may no longer take part
    │   ├── NodeReplaced        another process registered with its key
    │   ├── LeaseOver           its lease ran out, or it never registered: it may register again
    │   └── HubUnavailable      the hub cannot be reached, or cannot answer now
    ├── LimitReached            a run's tokens, calls, seconds or cost are used up
    ├── StoreError              the store cannot be opened, read or written
    │   └── StoreTooNew         a newer version wrote the store
    ├── SchemaVersionError      a message of a newer major version
    └── ResumeError             the run cannot be resumed

A message says what happened, to what, and what to do. It is one line without secrets: the CLI prints it unchanged.
"""

from __future__ import annotations

from agentnet.redaction import redacted


class AgentNetError(Exception):
    """Root of the tree. `code` names the kind on the wire (in error messages and JSON output)."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(redacted(" ".join(message.split())))


class BadInput(AgentNetError):
    code = "bad-input"


class ProtocolError(BadInput):
    code = "bad-protocol"


class NetworkError(BadInput):
    code = "bad-network"


class ScenarioError(BadInput):
    code = "bad-scenario"


class PolicyError(BadInput):
    code = "bad-policy"


class PreflightError(BadInput):
    code = "preflight"


class ModelError(AgentNetError):
    code = "model"


class ModelFileError(ModelError):
    code = "model-file"


class ContextOverflow(ModelError):
    code = "context-overflow"


class SchemaUnsupported(ModelError):
    code = "schema-unsupported"


class ModelUnavailable(ModelError):
    code = "unavailable"


class RateLimited(ModelUnavailable):
    code = "rate-limited"


class BadResponse(ModelError):
    code = "bad-response"


class NotRecorded(ModelError):
    code = "not-recorded"


class ToolError(AgentNetError):
    code = "tool"


class ReplyError(AgentNetError):
    code = "reply"


class Unsuited(AgentNetError):
    code = "unsuited"


class NodeError(AgentNetError):
    code = "node"


class NodeRefused(NodeError):
    code = "node-refused"


class NodeReplaced(NodeError):
    code = "node-replaced"


class LeaseOver(NodeError):
    code = "lease-over"


class HubUnavailable(NodeError):
    code = "hub-unavailable"


class LimitReached(AgentNetError):
    code = "limit"


class StoreError(AgentNetError):
    code = "store"


class StoreTooNew(StoreError):
    code = "store-too-new"


class SchemaVersionError(AgentNetError):
    code = "schema-version"


class ResumeError(AgentNetError):
    code = "resume"
