"""A TCP proxy before a server, for tests and lessons that need a fault at one command.

- `proxy`        the proxy and its verbs: drop a request or a reply, delay, half-open, refuse, reset, heal
- `connection`   what it does with each client's connection
"""
