"""Tools for the page of a gateway: its libraries, the types of its modules, its pictures, and the browser that tests drive."""
