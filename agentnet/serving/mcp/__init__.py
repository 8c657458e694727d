"""The network as an MCP server: tools that ask it, and resources that show its runs, cards and reports.

`server.py` makes the server, which `mounting.py` serves over HTTP and ``agentnet mcp`` over standard input and output.
The protocol itself, with its sessions and both eras of its wire, is the official SDK's.
"""
