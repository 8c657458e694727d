"""Models that decode together, token by token, across tokenizers.

::

    decoding.Table  ──▶ members (in process, byte by byte, behind a server) ──▶ views.View   one distribution each
         │                     │
         │                     └─ spelling.Speller: text of others in the member's own tokens
         └──▶ strategies: from views to a views.Choice

Two models of one vocabulary agree by token. Different vocabularies agree by text, in one of two layers: *pieces* (a
token of one model, spelled anew by the others: what the papers do) or *bytes* (each model's exact distribution over the
next byte, `byte_level`).
"""
