"""Make a bare checkout work: `pytest --target host:port` without installing anything of ours."""

import os
import sys
import types
from pathlib import Path

try:
    import plumbline.probes  # noqa: F401

    _installed = "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ
except ModuleNotFoundError:
    _package = types.ModuleType("plumbline")
    _package.__path__ = [str(Path(__file__).parent)]
    sys.modules["plumbline"] = _package
    _installed = False

# Where we are installed, the entry point has brought in the plugin. Naming it here once more would stop
# `pytest --target` in other folders: there this file is no top-level conftest, which may not name plugins.
if not _installed:
    pytest_plugins = ["plumbline.probes.plugin"]
