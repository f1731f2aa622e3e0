"""Wrong programs for 01.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

import re
from binascii import crc_hqx
from collections.abc import Callable


def with_the_part(part: Callable[[bytes], bytes]) -> Callable[[str], int]:
    """The function with this in its blank."""

    def slot(key: str) -> int:
        return crc_hqx(part(key.encode()), 0) % 16384

    return slot


def matching(pattern: bytes) -> Callable[[bytes], bytes]:
    """The first group of the first match, or the whole key."""

    def part(data: bytes) -> bytes:
        found = re.search(pattern, data, re.DOTALL)
        return found[1] if found else data

    return part


def at_the_beginning(data: bytes) -> bytes:
    end = data.find(b"}")
    return data[1:end] if data.startswith(b"{") and end > 1 else data


def last_tag(data: bytes) -> bytes:
    found = re.findall(rb"\{([^}]+)\}", data)
    return found[-1] if found else data


def never_closed(data: bytes) -> bytes:
    begin = data.find(b"{")
    part = data[begin + 1 :].partition(b"}")[0] if begin >= 0 else b""
    return part or data


def any_closing_brace(data: bytes) -> bytes:
    begin, end = data.find(b"{"), data.find(b"}")
    return data[begin + 1 : end] if 0 <= begin < end - 1 else data


WRONG = [
    ("no-tag", with_the_part(lambda data: data)),
    ("keeps-the-braces", with_the_part(matching(rb"(\{[^}]+\})"))),
    ("up-to-the-last-brace", with_the_part(matching(rb"\{(.+)\}"))),
    ("the-last-tag", with_the_part(last_tag)),
    ("only-at-the-beginning", with_the_part(at_the_beginning)),
    ("hashes-nothing", with_the_part(matching(rb"\{([^}]*)\}"))),
    ("looks-for-another", with_the_part(matching(rb"\{([^}]+)\}"))),
    ("never-closed", with_the_part(never_closed)),
    ("innermost", with_the_part(matching(rb"^[^{]*\{+([^{}]+)\}"))),
    ("any-closing-brace", with_the_part(any_closing_brace)),
]
