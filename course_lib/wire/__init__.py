"""Code that runs in another operating-system process, as simulated processes of a world here.

The child runs it, and decides nothing; time, network, servers, faults are here, so that nothing in the child's
interpreter is worth patching. A child is not trusted: what it says is JSON, and checked.

    pattern's or learner's code → SimRedis → ChildSocket ~~ pipe ~~ RemoteProcess → SimSocket → network → server

Here:
- `remote`              what stands for an answer here: Remote, the children's pipes as one
- `remote_process`      one simulated process: what its code does is done here, in its name
- `remote_connections`  the ends of its connections that are here
- `outcomes`            what became of a call

There:
- `child`               hears what has happened, lets the code go on, tells what it did
- `child_host`          one simulated process there: its loop, its connections, its calls
- `child_network`       the client's end of connections, for redis-py
- `received`            what stands there for what the code was handed

Between them:
- `pipe`                messages through two pipes, with a time limit
- `arguments`           what the code is handed: values; functions, errors and clients by number
- `json_values`         what a child sends: values as JSON

Cost: a message each way whenever the code goes on; together about as much as the simulation itself.
Does not: isolate the child; `grading.sandbox` does.
"""
