"""Write the pins anew: python -m tests.falsify.redraw [smtp ...]. Read the diff before you commit it."""

from __future__ import annotations

import functools
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import yaml

from tests.falsify.benches import BENCHES
from tests.falsify.harness import RED, cases_of

_cases = functools.cache(cases_of)


def _red(protocol: str, number: int) -> tuple[str, str, list[str], list[str]]:
    """Protocol and name of a mutant, what is red on it, and what it was made for and does not break."""
    bench = BENCHES[protocol]
    one = bench.all_mutants[number]
    found = bench.red(one, _cases(protocol))
    return protocol, one.name, found, sorted(one.breaks - set(found))


def redraw(protocols: list[str]) -> list[str]:
    """Pin the cases that are red on each mutant today; tells what a mutant was made for and does not break."""
    jobs = [(protocol, at) for protocol in protocols for at in range(len(BENCHES[protocol].all_mutants))]
    with ProcessPoolExecutor(mp_context=get_context("fork")) as pool:
        results = list(pool.map(_red, *zip(*jobs, strict=True), chunksize=20))
    pins: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for protocol, name, found, _ in results:
        pins[protocol][name] = found
    for protocol, found_by_name in pins.items():
        text = yaml.safe_dump(found_by_name, sort_keys=True, width=110)
        (RED / f"{protocol}.yaml").write_text(text, encoding="utf-8")
    return [
        f"{protocol}: {name} does not break {', '.join(missed)}"
        for protocol, name, _, missed in results
        if missed
    ]


if __name__ == "__main__":
    sys.exit("\n".join(redraw(sys.argv[1:] or list(BENCHES))) or 0)
