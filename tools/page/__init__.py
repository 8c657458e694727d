"""Tools for the page of a gateway: libraries, types of its modules, pictures, and what tests drive it with."""
