"""The API of a gateway at ``/api``: runs and their events, the network, its protocols and policy, evaluations.

`surface` makes it, and `document` tells of the whole gateway. What callers may do with runs is `RunService`'s; what is
sent has its types in `shown`.
"""

from agentnet.serving.api.document import document_route
from agentnet.serving.api.surface import surface

__all__ = ["document_route", "surface"]
