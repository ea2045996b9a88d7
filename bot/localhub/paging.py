"""Pages of a list, with GitHub's Link header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

Item = TypeVar("Item")

DEFAULT, MOST = 30, 100


def page_of(
    items: Sequence[Item], query: Mapping[str, str], url: str
) -> tuple[list[Item], dict[str, str]]:
    """Return the items of the page that the query asks for, and the header that names the others.

    `url` is the absolute address without its query. More than 100 a page are 100, as on GitHub.
    """
    size = min(max(int(query.get("per_page", DEFAULT)), 1), MOST)
    page = max(int(query.get("page", 1)), 1)
    last = max(-(-len(items) // size), 1)
    others = {}
    if page > 1:
        others["prev"] = min(page - 1, last)
    if page < last:
        others["next"], others["last"] = page + 1, last
    if page > 1:
        others["first"] = 1
    links = [
        f'<{url}?{urlencode({**query, "page": number})}>; rel="{relation}"'
        for relation, number in others.items()
    ]
    chosen = list(items[(page - 1) * size : page * size])
    return chosen, {"Link": ", ".join(links)} if links else {}
