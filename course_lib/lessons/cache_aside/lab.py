"""The lab of lesson 00: a shop's readers, its cache and its database."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from course_lib.lessons.cache_aside.experiment_shop import SOURCES, Shop, ShopResult
from course_lib.lessons.cache_aside.experiment_shop_run import in_slices
from course_lib.lessons.cache_aside.picture_shop import shop_picture
from course_lib.widgets.controls import choice, decimal, whole
from course_lib.widgets.lab import Experiment, Lab
from course_lib.words import capital


def shop_lab(**given: Any) -> Lab[ShopResult]:
    """The lab, set up with the fields of a `Shop`: `shop_lab(ttl=10, readers=200)`."""
    shop = Shop(**{"size": given.get("books", Shop.books), **given})
    return Lab(Experiment(shop, _controls, in_slices, shop_picture, _row, says=_says, ignored=_ignored))


def _controls(given: Shop) -> dict[str, w.Widget]:
    return {
        "source": choice("a page comes from", given.source, SOURCES),
        "readers": whole("readers", given.readers, 10, 800, 10),
        "skew": decimal("popularity (skew)", given.skew, 0, 2, 0.1),
        "ttl": decimal("TTL (s)", given.ttl, 0.5, 20, 0.5),
        "size": whole("keys that fit", given.size or given.books, 10, given.books, 10),
    }


def _ignored(given: Shop) -> dict[str, str]:
    return {} if given.source == "cache" else dict.fromkeys(("ttl", "size"), "Nothing is cached.")


def _says(result: ShopResult) -> str:
    shop = result.shop
    top = sum(shop.shares[:10])
    return (
        f"{capital(SOURCES[shop.source])}. {shop.readers} readers, {shop.books:,} books; the ten most popular get "
        f"{top:.0%} of the requests. A load takes {shop.load_time * 1000:g} ms, {shop.connections} at a time."
    )


def _row(result: ShopResult) -> dict[str, object]:
    """Setting and numbers."""
    shop = result.shop
    cache = f", TTL {shop.ttl:g} s, {shop.size:,} keys" if shop.source == "cache" and shop.size else ""
    return {"setting": f"{shop.source}, {shop.readers} readers, skew {shop.skew:g}{cache}", **result.summary()}
