"""A gateway under load, beside the same runs in process, and beside other servers."""
