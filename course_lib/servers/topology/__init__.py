"""Servers that belong together: one server, Sentinel, a cluster, or five independent ones.

docker-compose.yml describes them. `Topology` runs them as local processes, `Composed` as containers.

- `topology`        Topology: start it, break it, see what it does, change it, get clients for it
- `composed`        Composed: the same verbs for containers
- `compose_file`    what docker-compose.yml says of each server
- `node`            one server of a topology: its process, its ports, its configuration
- `startup`         how servers become a topology, and when it is ready
- `status`          what each node says of itself
- `cluster_nodes`   what a node of a cluster knows of the others
- `promotion`       how a replica is made the primary
- `resharding`      how slots move while clients read and write
- `clients`         redis.asyncio's clients with time-outs and retries that hide no fault
- `engine`          Docker or Podman
"""
