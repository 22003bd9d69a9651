"""Make a bare checkout work: `pytest --target host:port` without installing anything of ours."""

import sys
import types
from pathlib import Path

try:
    import plumbline.probes  # noqa: F401
except ModuleNotFoundError:
    _package = types.ModuleType("plumbline")
    _package.__path__ = [str(Path(__file__).parent)]
    sys.modules["plumbline"] = _package

pytest_plugins = ["plumbline.probes.plugin"]
