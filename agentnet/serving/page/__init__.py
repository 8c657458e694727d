"""The page of a gateway at ``/``: a program of native modules in ``site``, which stands on ``/api`` alone."""
