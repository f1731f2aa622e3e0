"""The calls of 06.2, and what a hash held before and after each of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from course_lib.grading.acts import Act, Acts
from course_lib.grading.key_log import KeyLog, State


@dataclass(eq=False)
class Stores(Act):
    """One call. `before` and `after`: what the key held when it began, and when it was over."""

    key: str = ""
    version: int = 0
    page: str | None = None
    ttl: float = 0.0
    before: State | None = None
    after: State | None = None

    @property
    def fields(self) -> dict[str, str]:
        """What the hash is to hold."""
        return {"version": str(self.version)} | ({} if self.page is None else {"page": self.page})

    @property
    def newer(self) -> bool:
        """Was something newer held when it began?"""
        return version(self.before) > self.version

    @property
    def call(self) -> str:
        held = "Nothing" if self.before is None or not self.before.there else self.before.text
        return f"{held} was held, and {self.who} called store with version {self.version} and page {self.page!r}"


class Hashes(KeyLog):
    """Reads a hash as the text `{'version': '7', 'page': '…'}`."""

    def held(self, key: str) -> str | None:
        flat = self.command("HGETALL", key)
        if not isinstance(flat, list):
            return "[not a hash]"
        words = [word.decode(errors="replace") for word in flat]
        return repr(dict(sorted(zip(words[::2], words[1::2], strict=True), reverse=True)))


def version(state: State | None) -> int:
    """The version that is held; -1 for none."""
    word = (state.text if state is not None else None) or ""
    digits = word.partition("'version': '")[2].partition("'")[0]
    return int(digits) if digits.isdigit() else -1


def page(state: State | None) -> str | None:
    """The page that is held, as it is written."""
    return ((state.text if state is not None else None) or "").partition("'page': ")[2].removesuffix("}") or None


@dataclass
class Versions(Acts):
    """What was stored in one run."""

    log: Hashes = field(kw_only=True)
    ttl: float = field(kw_only=True)


def held(state: State) -> str:
    """What the key holds, for a sentence."""
    return "nothing" if state.text is None else state.text
