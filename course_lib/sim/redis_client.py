"""The client that patterns are given: `redis.asyncio.Redis`, with a shorter way to the wire.

redis-py's own way costs twice as much, for retries and telemetry that a simulation without retries does not use. It is
still taken with retries. tests/sim/test_network.py checks that both give one trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import redis.asyncio as aioredis
from redis.asyncio.client import Pipeline
from redis.client import EMPTY_RESPONSE, NEVER_DECODE
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError, WatchError
from redis.exceptions import TimeoutError as RedisTimeoutError

from course_lib.sim.pool import SimConnection, SimPool
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


class Queues:
    """Told of each command put into a pipeline, and of each pipeline that is executed, while it is `watching`."""

    def put(self, pipeline: SimPipeline) -> None:
        raise NotImplementedError

    def sent(self, pipeline: SimPipeline) -> None:
        raise NotImplementedError

    @contextmanager
    def watching(self) -> Iterator[None]:
        before, SimPipeline.queues = SimPipeline.queues, self
        try:
            yield
        finally:
            SimPipeline.queues = before


class SimPipeline(Pipeline):
    """`redis.asyncio`'s Pipeline for a simulation: the same commands, replies and errors, by the short way."""

    queues: ClassVar[Queues | None] = None

    def pipeline_execute_command(self, *args: Any, **options: Any) -> Any:
        if self.queues is not None:
            self.queues.put(self)
        return super().pipeline_execute_command(*args, **options)  # type: ignore[no-untyped-call]

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        if self.queues is not None:
            self.queues.sent(self)
        pool: SimPool = self.connection_pool  # type: ignore[assignment]
        stack = self.command_stack
        if self.scripts or pool.retries or not stack or any(map(_needs_care, stack)):
            return await super().execute(raise_on_error)
        if self.is_transaction or self.explicit_transaction:
            return await self._transaction(pool, stack, raise_on_error)
        if self.watching or self.connection:
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

    async def _transaction(self, pool: SimPool, stack: Any, raise_on_error: bool) -> list[Any]:
        connection: Any = self.connection or pool.take()
        self.connection = connection
        try:
            commands = [("MULTI",), *(args for args, _ in stack), ("EXEC",)]
            await connection.send_packed_command(connection.pack_commands(commands))
            replies = await connection.take_replies(len(commands))
            if replies is None:  # there was an error, or nothing ran: redis-py knows what that comes to
                sent: Any = _Sent(connection)
                done: list[Any] = await self._execute_transaction(sent, stack, raise_on_error)
                return done
            self.watching = False
            return [
                _shaped(self.response_callbacks, args[0], connection.decode(reply), options)
                for (args, options), reply in zip(stack, replies[-1], strict=True)
            ]
        except (RedisConnectionError, RedisTimeoutError) as error:
            await connection.disconnect()
            if self.watching:
                raise _no_longer_watched(error) from error
            raise
        finally:
            await self.reset()

    async def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        pool: SimPool = self.connection_pool  # type: ignore[assignment]
        if pool.retries:
            return await super().immediate_execute_command(*args, **options)  # type: ignore[no-untyped-call]
        connection: Any = self.connection or pool.take()
        self.connection = connection
        try:
            return await self._send_command_parse_response(connection, args[0], *args, **options)  # type: ignore[no-untyped-call]
        except (RedisConnectionError, RedisTimeoutError) as error:
            await connection.disconnect()
            if self.watching:
                await self.reset()
                raise _no_longer_watched(error) from error
            raise

    async def reset(self) -> Any:
        if self.watching:
            return await super().reset()  # type: ignore[no-untyped-call]
        self.command_stack, self.scripts, self.explicit_transaction = [], set(), False
        if self.connection is not None:
            connection: Any = self.connection
            pool: SimPool = self.connection_pool  # type: ignore[assignment]
            self.connection = None
            pool.give_back(connection)

    async def _reply(self, connection: Any, args: Any, options: dict[str, Any]) -> Any:
        try:
            reply = await connection.read_response(disable_decoding=NEVER_DECODE in options)
        except ResponseError as error:
            return options.get(EMPTY_RESPONSE, error)
        return _shaped(self.response_callbacks, args[0], reply, options)


def _needs_care(command: Any) -> bool:
    """Does the command need more than to be sent?"""
    args, options = command
    return EMPTY_RESPONSE in options or str(args[0]).upper().startswith("HIMPORT")


def _no_longer_watched(error: Exception) -> WatchError:
    return WatchError(f"A {type(error).__name__} occurred while watching one or more keys")


class _Sent:
    """A connection on which a transaction was sent, so that only its replies are to be read."""

    def __init__(self, connection: SimConnection) -> None:
        self.read_response = connection.read_response

    def pack_commands(self, commands: Any) -> None:
        pass

    async def send_packed_command(self, command: None) -> None:
        pass


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
