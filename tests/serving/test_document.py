"""The OpenAPI document, tried: requests that its types allow, and others, none of which may fail the server."""

from __future__ import annotations

import pytest

from tools.conformance import openapi


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_request_fails_the_server() -> None:
    (report,) = openapi.reports(examples=20, least=1000)
    assert report.held, "\n".join(report.lines())
