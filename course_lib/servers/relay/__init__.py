"""The relay: a port before each node of a topology, so that a node can be cut off from the others, not from clients.

- `control`         what starts it and gives it orders, from this process
- `relay`           the relay itself, a script that runs as a process of its own
- `relay_service`   the same in a container, with a port at which it hears orders
"""
