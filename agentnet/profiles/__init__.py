"""Profiles: what members can do is measured, never believed.

::

    turns ─▶ Prober ─▶ canary ─▶ measured reply ─▶ Observation ─▶ Books (tests) ─▶ store ─▶ Profile ─▶ cards, probation
    agentnet measure ────────────────────────────────┤
    agentnet outcome ────────────────────────────────┘

Each statistical claim has a simulation: ``python -m benchmarks.expulsion``.
"""
