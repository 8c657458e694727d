"""What others say that a server of these protocols must do, tried on a gateway that really runs.

``python -m tools.conformance`` runs every part, ``python -m tools.conformance mcp`` one. A part is a function that
returns `Report`s (`tools.conformance.report`) and is named in `PARTS` of `tools.conformance.__main__`; most start a
gateway with `tools.conformance.gateway.served`. Suites are fetched, in the versions that the parts name, into
``.bench``.
"""
