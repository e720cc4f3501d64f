"""Every address there is, as Django resolves them, with the methods it answers to."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

READS = "GET"


def addresses() -> dict[str, URLPattern]:
    """By name with its namespace; an address without a name has none to be found by."""
    return dict(_walk(get_resolver(), ""))


def _walk(resolver: URLResolver, namespace: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = pattern.namespace
            yield from _walk(pattern, f"{namespace}{inner}:" if inner else namespace)
        else:
            yield f"{namespace}{pattern.name or pattern.pattern}", pattern


def methods_of(pattern: URLPattern) -> set[str]:
    """What an address of the API answers to; a page's own test says what it does."""
    callback: Any = pattern.callback
    allowed = {"get", "post", "patch", "put", "delete"}
    if actions := getattr(callback, "actions", None):
        return {method.upper() for method in actions if method in allowed}
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if view is None:
        return {READS}
    return {
        method.upper()
        for method in view.http_method_names
        if method in allowed and hasattr(view, method)
    }
