"""What there is to see on the page of a network that has worked: its runs, and the address of each view."""

from __future__ import annotations

import time

import httpx

PATIENCE = 120.0
SUM = "What is 347 + 285?"
PRODUCT = "What is 47 * 86?"
COMPOUND = "What is the atomic number of oxygen times the number of letters in the capital of Peru?"
RUNS: tuple[tuple[str, str], ...] = (
    ("vote", PRODUCT),
    ("verification", SUM),
    ("delegation", COMPOUND),
    ("byte-fusion", PRODUCT),
    ("debate", PRODUCT),
)
"""Protocol and question of each run, the last one latest."""


def asked(url: str, protocol: str, question: str) -> str:
    """Ask a served network, wait until the run is over, and return its id. Raises `TimeoutError`."""
    with httpx.Client(base_url=url, timeout=PATIENCE) as client:
        body = {"question": question, "protocol": protocol}
        run = str(client.post("/api/runs", json=body).raise_for_status().json()["id"])
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if client.get(f"/api/runs/{run}").raise_for_status().json()["status"] != "running":
                return run
            time.sleep(0.05)
    raise TimeoutError(f"{protocol}: the run {run} is not over after {PATIENCE:.0f} s")


def worked(url: str) -> dict[str, str]:
    """Let a served network work, and return its runs by their protocol."""
    return {protocol: asked(url, protocol, question) for protocol, question in RUNS}


def views(runs: dict[str, str], evaluation: str | None = None) -> dict[str, str]:
    """Return the address of each view, by a name for it."""
    found = {
        "ask": "#/ask",
        "ask-run": f"#/ask/{runs['debate']}",
        "fusion": "#/fusion",
        "fusion-run": f"#/fusion/{runs['byte-fusion']}",
        "runs": "#/runs",
        "run-debate": f"#/runs/{runs['debate']}",
        "run-delegation": f"#/runs/{runs['delegation']}",
        "run-verification": f"#/runs/{runs['verification']}",
        "fork": f"#/runs/{runs['debate']}?fork=last",
        "compare": f"#/runs/{runs['debate']}?with={runs['vote']}",
        "replay": f"#/runs/{runs['verification']}/replay?at=5",
        "network": "#/network",
        "network-history": "#/network/history",
        "network-auto": "#/network/auto",
        "network-member": "#/network/members/sage",
        "evaluations": "#/evaluations",
        "recorded-report": "#/evaluations/recorded/first-light",
        "protocols": "#/protocols",
        "protocol": "#/protocols/debate",
    }
    if evaluation is not None:
        found["evaluation"] = f"#/evaluations/{evaluation}"
        found["evaluation-report"] = f"#/evaluations/{evaluation}/report"
    return found
