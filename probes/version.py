"""Which Plumbline this is."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("plumbline")
except PackageNotFoundError:  # a bare checkout
    VERSION = "0+checkout"
