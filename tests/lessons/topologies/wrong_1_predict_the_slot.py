"""Wrong programs for 01.1, each with one mistake, and the promises that subtle ones break."""

from __future__ import annotations

import re
import unicodedata
from binascii import crc_hqx
from collections.abc import Callable
from typing import Any


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


def tag(data: bytes) -> bytes:
    """What a server hashes: the right part."""
    found = re.match(rb"[^{]*\{([^}]+)\}", data, re.DOTALL)
    return found[1] if found else data


def of_text(change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """The right part of a key that was changed before."""
    return lambda data: tag(change(data.decode()).encode())


def raises_without_a_tag(data: bytes) -> bytes:
    end = data.index(b"}", data.index(b"{")) if b"{" in data else 0
    return tag(data) if end or b"{" not in data else data


def in_one_line(data: bytes) -> bytes:
    found = re.match(rb"[^{]*\{(.+?)\}", data)
    return found[1] if found else data


def as_a_number(data: bytes) -> bytes:
    part = tag(data)
    return b"%d" % int(part) if part.isdigit() and part != data else part


def ends_at_the_first_brace(data: bytes) -> bytes:
    return data.split(b"{")[1].split(b"}")[0] or data if {*b"{}"} <= {*data} else data


SUBTLE: list[tuple[str, str, Any]] = [
    ("strips the tag", "tagged", with_the_part(lambda data: tag(data).strip())),
    ("strips the key", "plain", with_the_part(of_text(str.strip))),
    ("small letters", "plain", with_the_part(of_text(str.lower))),
    ("a tag in small letters", "tagged", with_the_part(lambda data: data if tag(data) == data else tag(data).lower())),
    ("another encoding", "plain", with_the_part(lambda data: tag(data).decode().encode("latin-1", "replace"))),
    ("another form of an accent", "plain", with_the_part(of_text(lambda key: unicodedata.normalize("NFC", key)))),
    ("cuts a long key", "plain", with_the_part(lambda data: tag(data)[:64])),
    ("a tag of one byte is none", "tagged", with_the_part(lambda data: tag(data) if len(tag(data)) > 1 else data)),
    ("a tag of letters and digits", "tagged", with_the_part(matching(rb"^[^{]*\{([\w:]+)\}"))),
    ("a tag in one line", "tagged", with_the_part(in_one_line)),
    ("a tag that is a number", "tagged", with_the_part(as_a_number)),
    ("splits at braces", "odd", with_the_part(ends_at_the_first_brace)),
    ("raises where a tag is not closed", "odd", with_the_part(raises_without_a_tag)),
    ("slots up to 16,382", "plain", lambda key: crc_hqx(tag(key.encode()), 0) % 16383),
    ("no slot 0", "plain", lambda key: crc_hqx(tag(key.encode()), 0) % 16384 or None),
]  # fmt: skip
