"""Serving: the hub of a network, where nodes join, and the node, which serves its models to the network.

Both are Starlette applications made by a factory (`agentnet.serving.hub.hub_routes`, `agentnet.serving.node.node_app`)
and run by `agentnet.serving.process`. They need the extra ``serve``.
"""

from agentnet.errors import BadInput

INSTALL = "pip install 'agentnet-ai[serve]'"

try:
    import jwt  # noqa: F401
    import rfc8785  # noqa: F401
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as error:
    raise BadInput(f"serving needs {error.name}, which is not installed: {INSTALL}") from error
