"""Percentiles of a run beside those computed from a packet capture of the same run (tshark of Debian; needs root).

    python benchmarks/capture.py                     # lockstep and pipelined, on a sink that takes 1 ms a message
    python benchmarks/capture.py --write docs/performance.md

The capture is read packet by packet: in lockstep a message lasts from the packet that begins with MAIL to the first
packet of the target after the one that ends with the lone dot; pipelined from the packet that begins the content.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import peers
from plumbline.lab.model import Source
from plumbline.lab.packages import Installed, debian
from rounds import insert, table

PERCENTILES = ("p50", "p90", "p99", "p99.9")


def program(tools: Installed, name: str, *words: str) -> tuple[list[str], dict[str, str]]:
    """Command line and environment of a program of the unpacked package."""
    environment = {**os.environ, "LD_LIBRARY_PATH": tools.library_path, "HOME": tempfile.gettempdir()}
    return [str(tools.root / "usr/bin" / name), *words], environment


def latencies(lines: Iterator[str], port: int, begin: str) -> list[float]:
    """Seconds of every message, from lines of stream, time, source port, payload in hexadecimal."""
    begun: dict[str, float] = {}
    ended: dict[str, bool] = {}
    found = []
    for line in lines:
        stream, at, source, payload = [*line.rstrip("\n").split("\t"), ""][:4]
        if not payload:
            continue
        if int(source) == port:
            if ended.pop(stream, False) and stream in begun:
                found.append(float(at) - begun.pop(stream))
            continue
        if payload.startswith(begin):
            begun[stream] = float(at)
        if "0d0a2e0d0a" in payload[-24:] or "0d0a2e0d0a4d41494c" in payload:
            ended[stream] = True
    return found


def captured(tools: Installed, file: Path, port: int, begin: str) -> list[float]:
    """Read a capture."""
    fields = ["tcp.stream", "frame.time_epoch", "tcp.srcport", "tcp.payload"]
    chosen = [word for name in fields for word in ("-e", name)]
    words, environment = program(tools, "tshark", "-r", str(file), "-T", "fields", *chosen)
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        return latencies(iter(process.stdout), port, begin)


def one(tools: Installed, pause_us: int, options: Sequence[str], begin: str) -> list[list[str]]:
    """Run once; rows of the table."""
    with tempfile.TemporaryDirectory() as folder:
        file, results = Path(folder) / "run.pcapng", Path(folder) / "load.jsonl"
        sink = subprocess.Popen(
            [peers.compiled("sink"), "0", str(pause_us)], stdout=subprocess.PIPE, text=True
        )
        assert sink.stdout is not None
        port = int(sink.stdout.readline())
        words, environment = program(
            tools, "dumpcap", "-q", "-i", "lo", "-B", "64", "-f", f"tcp port {port}", "-w", str(file)
        )
        capture = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
        time.sleep(2)
        work = peers.Work(1024, 10, 12_000)
        subprocess.run(
            peers.ours(port, work, results, "--phase-sample", "0", *options), check=True, capture_output=True
        )
        time.sleep(1)
        capture.terminate()
        capture.wait(10)
        sink.terminate()
        sink.wait(10)
        exact = sorted(captured(tools, file, port, begin))
        load = next(json.loads(line) for line in results.read_text().splitlines() if '"kind":"load"' in line)
    name = " ".join(options) or "pipelined"
    if len(exact) != load["messages"]:
        print(f"{name}: {load['messages']} messages, {len(exact)} in the capture", file=sys.stderr)
    return [_row(name, load, exact, which) for which in PERCENTILES]


def _row(name: str, load: dict[str, dict[str, float]], exact: list[float], which: str) -> list[str]:
    rank = -int(-len(exact) * float(which[1:]) // 100) - 1
    ours, theirs = load["latency"][which], exact[rank]
    difference = [f"{(ours - theirs) * 1e6:+.0f}", f"{(ours / theirs - 1):+.2%}"]
    return [name, str(len(exact)), which, f"{ours * 1e3:.3f}", f"{theirs * 1e3:.3f}", *difference]


def main() -> None:
    """Measure and print."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--pause", type=int, default=1000, help="microseconds that the sink takes for a message"
    )
    made.add_argument("--write", type=Path, help="put the table into this file, between its marks")
    options = made.parse_args()
    if os.getuid():
        print("Only root may capture packets: nothing was measured.")
        return
    tools = debian("tshark", Source("debian", ("tshark",)))
    rows = one(tools, options.pause, ["--pipelining", "off"], b"MAIL FROM".hex())
    rows += one(tools, options.pause, [], b"From: <".hex())
    lines = table(
        ["run", "messages", "percentile", "ours ms", "capture ms", "difference µs", "difference"], rows
    )
    lines += [
        "",
        f"The sink takes {options.pause} µs for a message; load average {os.getloadavg()[0]:.1f} at the end.",
    ]
    print("\n".join(lines))
    insert(options.write, "capture", lines)


if __name__ == "__main__":
    main()
