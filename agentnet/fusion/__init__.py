"""Models that decode together, token by token, across tokenizers.

::

    loop.FusionLoop  ──▶ members (in sight, byte by byte, behind a server) ──▶ views.View   one distribution each
         │                     │
         │                     └─ retokenizing.Retokenizer: text of others in the member's own tokens
         └──▶ strategies: from views to a views.Choice

Two models of one vocabulary agree by token. Different vocabularies agree by text, in one of two layers: *pieces* (a
token of one model, tokenized again by the others: what the papers do) or *bytes* (each model's exact distribution over
the next byte, `byte_level`). Models are used through `agentnet.models.tokens` alone.
"""
