"""Write the pins anew: python -m tests.falsify.redraw [smtp ...]. Read the diff before you commit it."""

from __future__ import annotations

import sys

import yaml

from tests.falsify.benches import BENCHES
from tests.falsify.harness import RED, Bench, cases_of


def redraw(bench: Bench) -> list[str]:
    """Pin the cases that are red on each mutant today; tells what a mutant was made for and does not break."""
    cases = cases_of(bench.protocol)
    found = {one.name: bench.red(one, cases) for one in bench.all_mutants}
    text = yaml.safe_dump(found, sort_keys=True, width=110)
    (RED / f"{bench.protocol}.yaml").write_text(text, encoding="utf-8")
    return [
        f"{bench.protocol}: {one.name} does not break {', '.join(sorted(one.breaks - set(found[one.name])))}"
        for one in bench.mutants
        if not one.breaks <= set(found[one.name])
    ]


if __name__ == "__main__":
    problems = [line for name in sys.argv[1:] or BENCHES for line in redraw(BENCHES[name])]
    sys.exit("\n".join(problems) or 0)
