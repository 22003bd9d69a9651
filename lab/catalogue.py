"""The servers that the lab knows: whatever modules plumbline.lab.servers has."""

from __future__ import annotations

import difflib
import importlib
import pkgutil

from . import servers
from .model import LabError, Product


class UnknownServerError(LabError):
    """There is no server of this name."""


def products() -> dict[str, Product]:
    """Every product by name, in alphabetical order."""
    modules = (
        importlib.import_module(f"{servers.__name__}.{found.name}")
        for found in pkgutil.iter_modules(servers.__path__)
    )
    found = (module.PRODUCT for module in modules)
    return {product.name: product for product in sorted(found, key=lambda product: product.name)}


def find(name: str) -> Product:
    """The product of this name or alias; case and hyphens do not matter. Raises UnknownServerError."""
    known = products()
    by_plain_name = {
        _plain(word): product for product in known.values() for word in (product.name, *product.aliases)
    }
    if product := by_plain_name.get(_plain(name)):
        return product
    near = difflib.get_close_matches(_plain(name), by_plain_name, n=1)
    hint = f"; did you mean {by_plain_name[near[0]].name}?" if near else ""
    raise UnknownServerError(f"unknown server {name!r}{hint}\nknown: {', '.join(known)}")


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
