"""Fixtures that only say something: content of every kind, as results of tools, as resources and as prompts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import AudioContent, ImageContent, TextContent, TextResourceContents
from mcp_types import EmbeddedResource as Embedded

IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
"""A PNG file of one point."""
AUDIO = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
"""A WAV file of one sample."""


def add_to(server: MCPServer[Any]) -> None:
    """Add the fixtures to a server."""
    for tool in _TOOLS:
        server.add_tool(tool, description=f"Fixture {tool.__name__}")
    server.resource("test://static-text")(static_text)
    server.resource("test://static-binary")(static_binary)
    server.resource("test://template/{id}/data")(template)
    server.resource("test://watched-resource")(watched)
    for prompt in _PROMPTS:
        server.prompt(description=f"Fixture {prompt.__name__}")(prompt)


def test_simple_text() -> str:
    return "This is a simple text response for testing."


def test_image_content() -> list[ImageContent]:
    return [ImageContent(data=IMAGE, mime_type="image/png")]


def test_audio_content() -> list[AudioContent]:
    return [AudioContent(data=AUDIO, mime_type="audio/wav")]


def test_embedded_resource() -> list[Embedded]:
    return [_embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")]


def test_multiple_content_types() -> list[TextContent | ImageContent | Embedded]:
    return [
        TextContent(text="Multiple content types test:"),
        ImageContent(data=IMAGE, mime_type="image/png"),
        _embedded("test://mixed-content-resource", "application/json", '{"test": "data", "value": 123}'),
    ]


def static_text() -> str:
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    return base64.b64decode(IMAGE)


def template(id: str) -> str:
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def watched() -> str:
    return "Watched resource content"


def test_simple_prompt() -> list[UserMessage]:
    return [_said("This is a simple prompt for testing.")]


def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    return [_said(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")]


def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    embedded = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
    return [UserMessage(content=embedded), _said("Please process the embedded resource above.")]


def test_prompt_with_image() -> list[UserMessage]:
    image = ImageContent(data=IMAGE, mime_type="image/png")
    return [UserMessage(content=image), _said("Please analyze the image above.")]


def _said(text: str) -> UserMessage:
    return UserMessage(content=TextContent(text=text))


def _embedded(uri: str, kind: str, text: str) -> Embedded:
    return Embedded(resource=TextResourceContents(uri=uri, mime_type=kind, text=text))


_TOOLS: tuple[Callable[..., Any], ...] = (
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
)
_PROMPTS: tuple[Callable[..., Any], ...] = (
    test_simple_prompt,
    test_prompt_with_arguments,
    test_prompt_with_embedded_resource,
    test_prompt_with_image,
)
