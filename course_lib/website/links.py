"""Looks at finished pages: each link within the site leads somewhere, and nothing is loaded from another host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "video": "src", "object": "data"}
LOADING = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "manifest"}
CSS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


@dataclass
class Page(HTMLParser):
    """What a page is made of: its anchors, where its links lead, and what it loads."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._styled = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self._styled = tag == "style"
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and LOADING & set(given.get("rel", "").split()):
            self.loaded.append(given.get("href", ""))
        elif tag == "link" and "href" in given:
            self.links.append(given["href"])
        elif tag in LOADED and LOADED[tag] in given:
            self.loaded.append(given[LOADED[tag]])
        self.loaded += _urls(given.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self._styled:
            self.loaded += _urls(data)


def _urls(style: str) -> list[str]:
    return [first or second for first, second in CSS.findall(style)]


@cache
def _page(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def faults(site: Path) -> Iterator[str]:
    """What is wrong with the pages and style sheets in a folder, a line each."""
    _page.cache_clear()
    for path in sorted(site.rglob("*.html")):
        page, name = _page(path), path.relative_to(site)
        yield from (f"{name}: {link} leads nowhere" for link in page.links if not _leads(path, link, site))
        yield from (f"{name}: {link} is loaded, and is not there" for link in page.loaded if not _is_there(path, link))
    for path in sorted(site.rglob("*.css")):
        urls = _urls(path.read_text(encoding="utf-8"))
        yield from (f"{path.relative_to(site)}: {url} is not there" for url in urls if not _is_there(path, url))


def _is_there(path: Path, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme == "data" or (not parts.scheme and not parts.netloc and not parts.path):
        return True
    return not parts.scheme and not parts.netloc and (path.parent / unquote(parts.path)).is_file()


def _leads(path: Path, link: str, site: Path) -> bool:
    """Links to other hosts are not followed; a page of the site is there, and has the anchor."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return parts.scheme in ("https", "http", "mailto")
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file() or not target.is_relative_to(site.resolve()):
        return False
    anchor = unquote(parts.fragment)
    return not anchor or target.suffix != ".html" or anchor in _page(target).anchors
