"""Wrong answers to 01.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

from typing import Any


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
