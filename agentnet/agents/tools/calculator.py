"""The calculator that ships with AgentNet: an MCP server over stdio with one tool. Run as a file, by any MCP client."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Literal

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

LARGEST = 10**30
DIGITS = 20
"""Digits of a quotient that is no whole number."""


def calculate(left: int, operation: Literal["+", "-", "*", "/"], right: int) -> str:
    """Return the sum, difference, product or quotient of two whole numbers."""
    if max(abs(left), abs(right)) > LARGEST:
        raise ToolError("a number has more than 30 digits")
    if operation == "+":
        return str(left + right)
    if operation == "-":
        return str(left - right)
    if operation == "*":
        return str(left * right)
    if right == 0:
        raise ToolError("nothing can be divided by 0")
    quotient = Fraction(left, right)
    if quotient.denominator == 1:
        return str(quotient)
    with localcontext() as context:
        context.prec = DIGITS
        return str(Decimal(left) / Decimal(right))


def server() -> MCPServer:
    """Return the server; `run` of it speaks MCP over stdin and stdout."""
    made = MCPServer("calculator", log_level="ERROR")
    made.tool()(calculate)
    return made


if __name__ == "__main__":
    server().run("stdio")
