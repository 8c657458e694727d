"""Tools for the page of a gateway: its vendored libraries, and the types of its modules."""
