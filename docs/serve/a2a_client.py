"""Ask a served network with the SDK of A2A: its card, a task, and the answer among the task's artifacts.

``pip install 'a2a-sdk[http-server]'``; AGENTNET_URL is the gateway, AGENTNET_KEY a key of it.
"""

import asyncio
import os

import httpx
from a2a.client.client import ClientConfig
from a2a.client.client_factory import ClientFactory
from a2a.helpers.proto_helpers import get_artifact_text
from a2a.types.a2a_pb2 import Message, Part, Role, SendMessageRequest


async def main() -> None:
    url = os.environ.get("AGENTNET_URL", "http://127.0.0.1:8080")
    headers = {"authorization": f"Bearer {os.environ.get('AGENTNET_KEY', 'none')}", "a2a-version": "1.0"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        client = await ClientFactory(ClientConfig(httpx_client=http)).create_from_url(url)
        message = Message(message_id="1", role=Role.ROLE_USER, parts=[Part(text="What is 347 + 285?")])
        async for event in client.send_message(SendMessageRequest(message=message)):
            artifact = event.artifact_update.artifact
            if artifact.name == "answer":
                print(get_artifact_text(artifact))


asyncio.run(main())
