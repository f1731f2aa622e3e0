"""What is named in a shop, for 01.2: the keys of its commands, and names that are easily given one key."""

from __future__ import annotations

from random import Random

Name = tuple[str, str, str]  # a method of the answer, and its two arguments
METHODS = {"user": ("user", "what"), "product": ("product", "what"), "visitors": ("day", "hour")}
IDS = ("42", "ann-lee", "Ann-Lee", "7", "0042", "-", "a--b-", "4711-0815-X", "u" * 40)
DAYS = ("2026-11-23", "2026-01-01", "2025-12-31")
HOURS = tuple(f"{hour:02}" for hour in range(24))

TOGETHER: list[tuple[str, str, tuple[str, ...]]] = [
    ("SMOVE", "user", ("wishlist", "cart")),
    ("MGET", "user", ("name", "points", "email")),
    ("MGET", "product", ("price", "stock")),
    ("RENAME", "product", ("draft", "text")),
    ("PFMERGE", "visitors", ("all", *HOURS)),
    ("PFCOUNT", "visitors", HOURS[6:9]),
]
"""The commands with several keys that the shop sends, and what they are about."""
SENT = [(command, [(method, id, what) for what in whats]) for command, method, whats in TOGETHER
        for id in (DAYS if method == "visitors" else IDS)]  # fmt: skip
_lot = Random(1201)
_WORDS = ["".join(_lot.choices("abcdefghijklmnoPQRSTUVWXYZ", k=5)) for _ in range(500)]
_DAYS = _lot.sample(range(2_016), 1_000)
_WORDS += [word.swapcase() for word in _WORDS]
MANY: dict[str, list[Name]] = {
    "users": [("user", str(n), "cart") for n in _lot.sample(range(10_000_000), 1_000)],
    "users of a mail provider": [("user", f"mail-user-{word}-lee", "name") for word in _WORDS],
    "products": [("product", f"tea-for-two-{word}-large", "price") for word in _WORDS],
    "days": [("visitors", f"{2020 + n // 336}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02}", "07") for n in _DAYS],
}  # fmt: skip
"""These are drawn by lot, because CRC16 puts two ids that are alike into one slot more often than chance would."""
ALIKE = [
    *IDS,
    "43",
    "4",
    "2",
    "1",
    "11",
    "annlee",
    "ann",
    "lee",
    "all",
    "product",
    "visitors",
    "2026-11-1",
    "2026-1-11",
    *DAYS,
    *(
        f"{kind}{id}"
        for kind in ("user-", "product-", "user", "p-", "shop-product-", "visitors-")
        for id in ("42", "7")
    ),
    "42-user",
    "42-product",
    "visitors-2026-11-23",
]
LONG = [f"{'u' * length}{end}" for length in (31, 63, 127, 300) for end in "ab"]
DIGESTS = [
    "plumless",
    "buckeroo",
    "guest-24913",
    "guest-58344",
    "guest-31448",
    "guest-31893",
    "guest-28828",
    "guest-77498",
]
"""In pairs, ids of one CRC32, and ids whose MD5, SHA-1 and SHA-256 begin with the same 32 bits."""
WHATS = ["cart", "wishlist", "name", "points", "email", "price", "stock", "draft", "text", "2cart", "1price", "-name",
         "Name", "title", "name-", "lee-name", "all", "07", "17", "7", "-", "a", "11-23",
         "cart-user", "user-cart", "price-product", "product-price", "text-user"]  # fmt: skip
NAMES: list[Name] = [
    *((method, id, what) for method in ("user", "product") for id in ALIKE for what in WHATS),
    *(
        (method, id, what)
        for method, what in (("user", "cart"), ("product", "price"))
        for id in (*LONG, *DIGESTS, *map(str, range(10_000, 11_500)))
    ),
    *(("visitors", day, hour) for day in (*DAYS, "2026-11-1", "2026-1-11") for hour in ("all", "7", "007", *HOURS)),
]
"""Names that are easily given one key."""
TAGS, SLOTS = 950, 500
"""Of 1,000 users, products or days: the least number of tags, and of slots. An answer that draws one of 16,384 tags for
each has about 970 tags, give or take 5; with 4,000 tags it has 885."""
