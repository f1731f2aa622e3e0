"""The client that patterns are given: `redis.asyncio.Redis`, with a shorter way to the wire.

redis-py's own way costs twice as much, for retries and telemetry that a simulation without retries does not use. It is
still taken with retries, in a transaction and under WATCH. tests/sim/test_network.py checks that both give one trace.
"""

from __future__ import annotations

from typing import Any

import redis.asyncio as aioredis
from redis.asyncio.client import Pipeline
from redis.client import EMPTY_RESPONSE, NEVER_DECODE
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from course_lib.sim.pool import SimPool
from course_lib.sim.stand_ins import simulating


class SimRedis(aioredis.Redis):
    """`redis.asyncio.Redis` for a simulation: the same commands, replies and errors."""

    def __setattr__(self, name: str, value: Any) -> None:
        if callable(value) and simulating() is not None and hasattr(type(self), name):
            raise AttributeError(f"redis.{name} cannot be replaced: all simulated processes share this one object")
        super().__setattr__(name, value)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        pool: SimPool = self.connection_pool  # type: ignore[assignment]
        if pool.retries:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        connection = pool.take()
        try:
            await connection.send_packed_command(connection.pack_command(*args))
            reply = await connection.read_response(disable_decoding=NEVER_DECODE in options)
        except ResponseError:
            if EMPTY_RESPONSE in options:
                return options[EMPTY_RESPONSE]
            raise
        except (RedisConnectionError, RedisTimeoutError):
            await connection.disconnect()
            raise
        finally:
            pool.give_back(connection)
        return _shaped(self.response_callbacks, args[0], reply, options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return SimPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class SimPipeline(Pipeline):
    """`redis.asyncio`'s Pipeline for a simulation: the short way where it is neither a transaction nor watching."""

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        pool: SimPool = self.connection_pool  # type: ignore[assignment]
        stack = self.command_stack
        special = self.is_transaction or self.explicit_transaction or self.watching or self.scripts or self.connection
        if special or pool.retries or not stack:
            return await super().execute(raise_on_error)
        self.command_stack = []
        connection = pool.take()
        try:
            await connection.send_packed_command(connection.pack_commands(args for args, _ in stack))
            replies = [await self._reply(connection, args, dict(options)) for args, options in stack]
        except (RedisConnectionError, RedisTimeoutError):
            await connection.disconnect()
            raise
        finally:
            pool.give_back(connection)
        if raise_on_error:
            self.raise_first_error(stack, replies)
        return replies

    async def _reply(self, connection: Any, args: Any, options: dict[str, Any]) -> Any:
        try:
            reply = await connection.read_response(disable_decoding=NEVER_DECODE in options)
        except ResponseError as error:
            return options.get(EMPTY_RESPONSE, error)
        return _shaped(self.response_callbacks, args[0], reply, options)


def _shaped(callbacks: Any, name: Any, reply: Any, options: dict[str, Any]) -> Any:
    """The reply in the form that redis-py gives it, by command."""
    shape = callbacks.get(name)
    if shape is None:
        return reply
    if options:
        for internal in (NEVER_DECODE, EMPTY_RESPONSE, "keys"):
            options.pop(internal, None)
        return shape(reply, **options)
    return shape(reply)
