"""Attacks on one's own network: members are replaced by liars, and the points that each protocol loses are measured.

The reference is the same network with the liars silent: no rule can recover what a missing member would have known.

::

    suite.attacks ──▶ systems (protocol × attack × liars) ──▶ liars in place of members ──▶ trials ──▶ losses
"""
