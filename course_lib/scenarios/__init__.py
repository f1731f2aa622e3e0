"""A pattern, or real servers, under a workload, and the numbers that a lesson's figures show. No widgets.

By lesson:

01  topologies (the bench through which every experiment goes), writer, live_writer, watching, failover, traps, slots,
    cluster_faults, choosing, background
02  rollout, deploying; keyspace_real, eviction_real
03  counting, limiters; lua_real, scripts_real
04  holding, lock_puzzles, broken_locks, acquiring; contest, redlock_sim, striking, node_keys (the lab); without_locks;
    redlock_real, paused_writer
05  burst, crowd, stampede, strategies; stampede_real
all exploring (your own coroutine under every order), puzzles, every, by_hand (be the scheduler)

What ends in `_real` runs on servers that it starts; the rest is simulated.
"""
