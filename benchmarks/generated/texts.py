"""Texts that chains say. No token occurs twice in any of them, in none of the six vocabularies."""

from __future__ import annotations

TEXTS = {
    "river": (
        "The old river runs slowly past two small towns where people still mend their boats by hand and sell fish at "
        "dawn, but every spring it rises; children watch from a stone bridge while farmers move sheep to higher "
        "ground. One year long ago water covered all seven fields behind our church: nobody lost anything except some "
        "hay or an empty barrel! Since then each family keeps spare oars under its roof – just in case?"
    ),
    "science": (
        "Photosynthesis converts sunlight into chemical energy; chlorophyll absorbs mostly red wavelengths, reflecting "
        "green ones back toward our eyes."
    ),
    "code": "for row in table: print(row[0], end='\\t')",
    "languages": "Zürich 東京 café мир",
}
"""By name; the first is what a model says of which nothing else is asked."""
