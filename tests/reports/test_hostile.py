"""Whatever stands in a results file: the page is whole, harmless and small, and no output fails."""

from __future__ import annotations

import json
import random
import re
from xml.etree import ElementTree

import pytest
from plumbline.reports import cli, gather, junit, markdown, page, records, reference, sarif, summary
from plumbline.reports.diff import compare, mark
from plumbline.reports.gather import Unreadable, split
from plumbline.reports.model import build
from plumbline.reports.records import Case

from tests.reports.hostile import BAD, everything
from tests.reports.made import results
from tests.reports.test_page import Elements

NUMBERS = [0.0, -1.0, 1e-300, 1e300]
ACTING = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe]"


def hostile(number=1e300, text=BAD):
    return build(split(BAD, everything(text, number), [BAD]), [BAD])


@pytest.mark.parametrize("number", NUMBERS)
def test_the_page_runs_nothing_of_theirs(number):
    report = hostile(number)
    mark(report, compare(build([]), report))

    found = Elements(page.render_report(report)).tags

    assert [tag for tag, _ in found if tag in ("img", "iframe", "object", "embed", "link", "base")] == []
    assert len([tag for tag, _ in found if tag == "script"]) == 1
    assert not any(name.startswith("on") for _, attributes in found for name in attributes)
    assert {tag for tag, attributes in found if "javascript:" in str(attributes)} == set()


def test_no_character_acts_on_the_text_around_it():
    html = page.render_report(hostile())

    assert re.findall(ACTING, html) == []
    assert "\\u202e" in html


@pytest.mark.parametrize("number", NUMBERS)
def test_every_other_output_bears_it(number):
    report = hostile(number)

    ElementTree.fromstring(junit.render(report))
    ElementTree.fromstring(summary.render_badge(report))
    json.loads(sarif.render(report))
    json.loads(summary.render_json(report))
    for text in (markdown.summary(report), markdown.changes(compare(build([]), report), build([]), report)):
        assert len(text) < 100_000
        assert not re.search(r"(?<!\\)<script", re.sub(r"`+[^`]*`+", "", text))
    assert reference.render(report).count(b"\n") == len(report.rows) + 1


def test_a_megabyte_in_every_field_makes_no_megabytes_of_page():
    html = page.render_report(build(split("x", everything("A\u202e" * 500_000), [])))

    assert len(html) < 3_000_000


def test_json_with_lone_surrogates_and_wrong_octets_is_damage(tmp_path):
    path = tmp_path / "r.jsonl"
    lines = [records.encode(record) for record in results(cases=3)]
    broken = [
        b'{"kind":"case","id":"\xff\xfe"}\n',
        b'{"kind":"case","id":"\\ud800"}\n',
        b"[" * 10_000 + b"\n",
        b"\x00\n",
    ]
    path.write_bytes(b"".join([*lines, *broken]))

    (source,) = gather.read_file(path)

    assert len(source.cases) == 3
    assert len(source.damage) == 4
    assert all(line.startswith(f"{path}:") for line in source.damage)


def test_wherever_a_file_is_cut_what_stands_before_is_read(tmp_path):
    whole = b"".join(records.encode(record) for record in results(cases=4, seed=3))
    path = tmp_path / "r.jsonl"
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        complete = whole[:length].count(b'"kind":"case"') - bool(
            b'"kind":"case"' in whole[:length].rpartition(b"\n")[2]
        )
        sources, problems = gather.read_files([path])
        read = sum(len(source.cases) for source in sources)
        assert read - complete in (0, 1)  # a whole record without its line feed counts
        assert all(source.cut_off for source in sources)
        assert all(str(path) in problem for problem in problems)
        assert sources or problems


def test_flipped_bits_are_damage_or_nothing(tmp_path):
    chance = random.Random(7)
    whole = b"".join(records.encode(record) for record in results(cases=6, seed=5))
    path = tmp_path / "r.jsonl"
    for _ in range(150):
        octets = bytearray(whole)
        for _ in range(3):
            octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
        path.write_bytes(octets)
        try:
            sources = gather.read_file(path)
        except Unreadable:
            continue
        assert "<h1" in page.render_report(build(sources))


def test_the_command_says_what_could_still_be_read(tmp_path, capsys):
    path = tmp_path / "r.jsonl"
    whole = b"".join(records.encode(record) for record in results(cases=8))
    path.write_bytes(whole[: len(whole) * 2 // 3])

    assert cli.main([str(path), "-o", str(tmp_path / "r.html")]) == 0

    said = capsys.readouterr().err
    assert "the line is not whole: the run or the copy was cut off there" in said
    left = len([one for one in gather.read_file(path)[0].cases if isinstance(one, Case)])
    assert f"{left} cases could still be read" in said
    assert "the run was cut off before its end" in said
