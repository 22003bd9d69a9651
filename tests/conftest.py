"""Let tests import each other as `tests.something`.

Here and not by `pythonpath` of pytest: with the checkout itself on the path, a pytest of another Python would
find what an editable install left there, take it for an installed plugin, and end in a traceback.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
