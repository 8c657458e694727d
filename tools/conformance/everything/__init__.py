"""A server with the tools, prompts and resources that the suite of the Model Context Protocol asks for by name.

It does what the suite's requirements say, as the everything-server in the examples of the official SDK (MIT) does.
"""
