"""Wrong answers to 01.2, each with one mistake, and the promises that subtle ones break."""

from __future__ import annotations

import random
from collections.abc import Callable
from hashlib import sha256
from typing import Any, ClassVar
from zlib import crc32


def shop(
    user: str = "shop:user:{{{0}}}:{1}", product: str = "shop:product:{{{0}}}:{1}",
    visitors: str = "shop:visitors:{{{0}}}:{1}",
) -> Any:  # fmt: skip
    """The class with these patterns for its keys; by default as they should be."""

    class ShopKeys:
        def user(self, user_: str, what: str) -> str:
            return user.format(user_, what)

        def product(self, product_: str, what: str) -> str:
            return product.format(product_, what)

        def visitors(self, day: str, hour: str) -> str:
            return visitors.format(day, hour)

    return ShopKeys


WRONG = [
    ("no-tag", shop(user="shop:user:{0}:{1}")),
    ("no-tag", shop(visitors="shop:visitors:{0}:{1}")),
    ("empty-tag", shop(product="shop:product:{{}}:{0}:{1}")),
    ("one-tag-for-all", shop(user="{{shop}}:user:{0}:{1}", product="{{shop}}:product:{0}:{1}")),
    ("one-tag-for-all", shop(product="shop:{{product}}:{{{0}}}:{1}")),
    ("one-tag-for-all", shop(visitors="{{visitors}}:{0}:{1}")),
    ("tags-the-wrong-part", shop(user="shop:user:{0}:{{{1}}}")),
    ("tags-the-wrong-part", shop(visitors="shop:visitors:{0}:{{{1}}}")),
    ("tags-too-much", shop(user="{{shop:user:{0}:{1}}}")),
    ("tags-too-much", shop(visitors="shop:visitors:{{{0}:{1}}}")),
    ("one-key-for-two", shop(user="{{{0}}}:{1}", product="{{{0}}}:{1}")),
    ("one-key-for-two", shop(visitors="visitors:{{{0}}}")),
]


def of_parts(**change: Callable[[str], str]) -> Any:
    """The class, with some of its arguments changed before they become a key."""

    def changed(name: str, text: str) -> str:
        return change[name](text) if name in change else text

    class ShopKeys:
        def user(self, user: str, what: str) -> str:
            return f"shop:user:{{{changed('user', user)}}}:{changed('what', what)}"

        def product(self, product: str, what: str) -> str:
            return f"shop:product:{{{changed('product', product)}}}:{changed('what', what)}"

        def visitors(self, day: str, hour: str) -> str:
            return f"shop:visitors:{{{changed('day', day)}}}:{changed('hour', hour)}"

    return ShopKeys


def buckets(number: int) -> Any:
    class Buckets(shop()):  # type: ignore[misc]
        def user(self, user: str, what: str) -> str:
            return f"user:{{{crc32(user.encode()) % number}}}:{user}:{what}"

    return Buckets


class Numbers(shop()):  # type: ignore[misc]
    """A number for each user, in the order in which this process meets them."""

    numbers: ClassVar[dict[str, int]] = {}

    def user(self, user: str, what: str) -> str:
        return f"user:{{{self.numbers.setdefault(user, len(self.numbers))}}}:{what}"


class OwnNumbers(Numbers):
    def __init__(self) -> None:
        vars(self)["numbers"] = {}


class Hashes(shop()):  # type: ignore[misc]
    def product(self, product: str, what: str) -> str:
        return f"product:{{{hash(product)}}}:{what}"


class Salted(shop()):  # type: ignore[misc]
    def __init__(self) -> None:
        self.salt = random.random()

    def user(self, user: str, what: str) -> str:
        return f"user:{{{user}{self.salt}}}:{what}"


class TotalElsewhere(shop()):  # type: ignore[misc]
    def visitors(self, day: str, hour: str) -> str:
        return f"visitors:all:{day}" if hour == "all" else f"visitors:{{{day}}}:{hour}"


class DigitsTag(shop()):  # type: ignore[misc]
    def user(self, user: str, what: str) -> str:
        return f"user:{{u{''.join(filter(str.isdigit, user))}}}:{user}:{what}"


class SmallTag(shop()):  # type: ignore[misc]
    def user(self, user: str, what: str) -> str:
        return f"user:{{{user.lower()}}}:{user}:{what}"


SUBTLE: list[tuple[Any, ...]] = [
    ("64 buckets", "spread", buckets(64)),
    ("2,048 buckets", "spread", buckets(2_048)),
    ("4,000 buckets", "spread", buckets(4_000)),
    ("eight letters for a tag", "spread", shop(user="user:{{{0:.8}}}:{0}:{1}")),
    ("digits for a tag", "spread", DigitsTag),
    ("small letters in the tag", "spread", SmallTag),
    ("an hour as a number", "distinct", of_parts(hour=lambda hour: hour.lstrip("0")), "one-key-for-two"),
    ("days without dashes", "distinct", of_parts(day=lambda day: day.replace("-", "")), "one-key-for-two"),
    ("a dash for a separator", "distinct", shop(user="{{{0}}}{1}", product="{{{0}}}-{1}"), "one-key-for-two"),
    ("an hour's last digit", "distinct", of_parts(hour=lambda hour: hour[-1]), "one-key-for-two"),
    ("small letters", "distinct", of_parts(user=str.lower, product=str.lower, what=str.lower), "one-key-for-two"),
    ("what it is in small letters", "distinct", of_parts(what=str.lower), "one-key-for-two"),
    ("no dashes", "together", of_parts(user=lambda user: user.replace("-", ""))),
    ("dashes at the ends dropped", "distinct", of_parts(what=lambda what: what.strip("-")), "one-key-for-two"),
    ("a product that is a day", "distinct", shop(product="{{{0}}}:{1}", visitors="{{{0}}}:{1}"), "one-key-for-two"),
    ("ids as numbers", "distinct", of_parts(user=lambda id: f"{int(id)}" if id.isdigit() else id), "one-key-for-two"),
    ("cut ids", "spread", of_parts(product=lambda product: product[:6])),
    ("a month for a tag", "spread", shop(visitors="visitors:{{{0:.7}}}:{0}:{1}")),
    ("the mail provider for a tag", "spread", of_parts(user=lambda user: user.split("-")[-1])),
    ("the total elsewhere", "together", TotalElsewhere),
    ("two tags", "together", shop(product="shop:{{{0}-{1}}}:{{{0}}}"), "tags-too-much"),
    ("numbers of one process", "distinct", Numbers),
    ("numbers of one object", "distinct", OwnNumbers),
    ("hash() of one process", "distinct", Hashes),
    ("a salt of one process", "distinct", Salted),
    ("a CRC32 for an id", "distinct", of_parts(user=lambda user: f"{crc32(user.encode()):08x}"), "one-key-for-two"),
    ("32 bits of SHA-256", "distinct", of_parts(product=lambda id: sha256(id.encode()).hexdigest()[:8]),
     "one-key-for-two"),
    ("16 bits of SHA-256", "distinct", of_parts(user=lambda user: sha256(user.encode()).hexdigest()[:4]),
     "one-key-for-two"),
    ("32 letters of an id", "distinct", of_parts(product=lambda product: product[:32]), "one-key-for-two"),
    ("255 letters of an id", "distinct", of_parts(user=lambda user: user[:255]), "one-key-for-two"),
    ("the kind in the tag", "distinct", shop(user="{{user-{0}}}:{1}", product="{{{0}}}:{1}"), "one-key-for-two"),
    ("the kind after a dash", "distinct", shop(user="{{{0}}}-{1}-user", product="{{{0}}}-{1}"), "one-key-for-two"),
    ("hours of two digits", "distinct", of_parts(hour=lambda hour: hour.zfill(2)), "one-key-for-two"),
]  # fmt: skip
