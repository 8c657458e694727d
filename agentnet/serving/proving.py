"""Asking a node, at the address that it gives, whether its key is there."""

from __future__ import annotations

import secrets

from pydantic import ValidationError

from agentnet.contracts.joining import PROOF_PATH, PROOF_SECONDS, Proof, Signed
from agentnet.errors import AgentNetError, ModelError, ModelUnavailable, NodeRefused
from agentnet.models.addresses import AddressPolicy
from agentnet.models.openai.transport import connect
from agentnet.serving.keys import verify


async def prove(url: str, key: str, access: str, policy: AddressPolicy) -> None:
    """Make sure that a node's key is at its URL. Raises `NodeRefused`, which says what is wrong.

    Asks only addresses that the policy allows. So nobody can register the address of another server, and a node that
    cannot be reached, or that accepts and never answers, is no member of the network.
    """
    nonce = secrets.token_urlsafe(18)
    try:
        server = policy.check(url)
        async with connect(server, policy, timeout=PROOF_SECONDS) as client:
            headers = {"authorization": f"Bearer {access}"} if access else {}
            response = await client.post(url + PROOF_PATH, json={"nonce": nonce}, headers=headers)
            body = response.content
    except ModelUnavailable as error:
        raise _unreached(url, str(error)) from None
    except ModelError as error:
        raise NodeRefused(str(error)) from None
    except Exception as error:  # the HTTP library's own errors have no common root that it exports
        if "Timeout" in type(error).__name__:
            raise NodeRefused(f"{url} does not answer the hub within {PROOF_SECONDS:g} s: see the node's log") from None
        raise _unreached(url, type(error).__name__) from None
    if response.status_code != 200:
        raise NodeRefused(f"{url} answers the hub with status {response.status_code}: is it the address of this node?")
    try:
        proof = Proof.model_validate_json(verify(Signed.model_validate_json(body), key))
    except (ValidationError, AgentNetError):
        proof = None
    if proof != Proof(nonce=nonce, key=key):
        raise NodeRefused(f"{url} does not have the key of this node: is it the address of this node?")


def _unreached(url: str, why: str) -> NodeRefused:
    return NodeRefused(
        f"the hub cannot reach {url} ({why}): give the address at which it reaches this node with --url, or open the "
        f"port"
    )
