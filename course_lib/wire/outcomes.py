"""What became of a call whose code ran in a child."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from course_lib.wire.json_values import Decoder
from course_lib.wire.pipe import Broken


class Said(NamedTuple):
    """What became of a call: "returned", "made", "raised", "cancelled" or "left"; and with what."""

    how: str
    value: Any

    @classmethod
    def checked(cls, action: list[Any], decode: Decoder) -> Said:
        """Check an outcome as a child tells it: the last two parts of an action."""
        how, plain = action[-2:]
        if how not in ("returned", "made", "raised", "cancelled", "left") or (how == "made" and type(plain) is not int):
            raise Broken(f"no call ends as {how!r:.30}")
        value = decode(plain)
        if how in ("raised", "left") and not isinstance(value, BaseException):
            raise Broken("what was raised is no error")
        return cls(how, value)

    def given(self) -> Any:
        """What the call returned. Raises: what it raised."""
        if self.how == "raised":
            raise self.value
        if self.how == "left":
            raise left(self.value)
        if self.how == "cancelled":
            raise asyncio.CancelledError
        return self.value


class Kept:
    """The outcomes of calls that are not awaited."""

    def __init__(self) -> None:
        self._said: list[Said] = []

    def keep(self, said: Said) -> None:
        """Keep how a call ended."""
        self._said.append(said)

    def given(self, calls: int) -> list[Any]:
        """What they returned. Raises: what the first raised that did; Broken, if nobody has said."""
        found = [said.given() for said in self._said]
        if len(found) != calls:
            raise Broken(f"a child was to make {calls} calls, and told of {len(found)}")
        return found


def left(error: BaseException) -> BaseException:
    """The error that ends the run, because the code ended its process."""
    ends: Any = error if isinstance(error, SystemExit) else SystemExit()
    ends.seen_at = getattr(error, "seen_at", None)
    return ends  # type: ignore[no-any-return]
