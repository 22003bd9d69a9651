"""The page says what the records say, and shows hostile text harmlessly."""

from __future__ import annotations

import base64
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from plumbline.reports import cli, page, records
from plumbline.reports.gather import split
from plumbline.reports.model import build
from plumbline.reports.records import Event, Sanity, Summary, Verdict, escape

from tests.reports.made import HOSTILE, TRICKS, case, load_results, results, run, target


class Elements(HTMLParser):
    """Start tags with their attributes, and the text outside style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._skipping = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._skipping = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._skipping = False

    def handle_data(self, data):
        if not self._skipping:
            self.text += data


def whole(*cases, **changes):
    ending = Summary(ended="2026-11-24T14:00:00+00:00", duration_s=2.5, exit_code=0)
    return page.render([run(), target(), *cases, ending], **changes)


def headline(html):
    return re.sub(r"<[^>]*>", "", re.search(r'<h1 id="answer">(.*?)</h1>', html)[1])


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (case(0), "postfix: no violation"),
        (case(0, verdict=Verdict.FAIL), "postfix: 1 violation"),
        (case(0, verdict=Verdict.FAIL, level="SHOULD"), "postfix: no violation"),
        (case(0, verdict=Verdict.FAIL, deviation={"reason": "known"}), "postfix: nothing could be judged"),
        (case(0, verdict=Verdict.INCONCLUSIVE), "postfix: nothing could be judged"),
        (case(0, verdict=Verdict.SKIPPED), "postfix: nothing could be judged"),
    ],
)
def test_the_first_line_is_the_answer(made, said):
    if made.level == "SHOULD":
        made.verdict = Verdict.FAIL
    assert headline(whole(made)) == said


def test_inconclusive_is_never_green():
    html = whole(case(0), case(1, verdict=Verdict.INCONCLUSIVE))
    assert headline(html) == "postfix: no violation, but 1 inconclusive"
    assert 'class="answer good"' not in html


def test_each_case_has_requirement_script_and_transcript():
    html = whole(case(0, verdict=Verdict.FAIL))
    text = Elements(html).text
    assert "The server answers a parameter that it does not know with 555" in text
    assert "RFC5321-3.2-a" in text
    assert "- C: RCPT TO:&lt;{recipient}&gt; XYZZY=1" in html
    assert "250-PIPELINING" in text
    assert "550 5.1.1 no" in text
    assert "printf &#39;EHLO" in html


def test_the_step_that_decided_is_marked():
    html = whole(case(0, verdict=Verdict.FAIL))
    marked = re.findall(r'<span class="l hit violation"><span class="n">(\d+)</span><code>(.*?)</code>', html)
    assert marked == [("13", "    - C: RCPT TO:&lt;{recipient}&gt; XYZZY=1")]


def test_hostile_text_is_text():
    fields = [
        "title",
        "why",
        "suite",
        "statement",
        "reason",
        "sent",
        "expected",
        "got",
        "script",
        "rerun",
        "level",
    ]
    made = case(
        0, verdict=Verdict.FAIL, **dict.fromkeys(fields, HOSTILE), tags=[HOSTILE], id=f"smtp/{HOSTILE}"
    )
    made.transcript = [
        Event(at=0, who=HOSTILE, text=HOSTILE, conn=HOSTILE),
        Event(at=0, who="*", text=HOSTILE),
    ]
    made.observations = made.deviation = {HOSTILE: HOSTILE}
    made.severity = {"exploitable": HOSTILE, "cve": [HOSTILE]}
    found = Elements(page.render([run(HOSTILE, targets=[HOSTILE]), target(HOSTILE), made], HOSTILE)).tags
    assert [tag for tag, _ in found if tag == "img"] == []
    assert len([tag for tag, _ in found if tag == "script"]) == 1
    assert not any(name.startswith("on") for _, attributes in found for name in attributes)


def test_characters_that_deceive_are_spelled_out():
    html = whole(case(0, title=TRICKS, got=TRICKS, reason=TRICKS, statement=TRICKS))
    assert not re.search("[\x00\x07\u202e\u202c\u200b]", html)
    assert "plain \\u202egnp.exe\\u202c zero\\u200bwidth bell\\x07 null\\x00 end" in html


def test_packed_pages_are_whole():
    report = build([source for n in range(6) for source in split(str(n), results(f"server {n}", 300, n), [])])
    html = page.render_report(report)
    blocks = re.findall(r'<script type="text/plain" class="block">(.*?)</script>', html)
    pages = [one for block in blocks for one in json.loads(zlib.decompress(base64.b64decode(block)))]
    assert [name for name, _ in pages] == [row.case.id for row in report.rows]
    assert all(text.rstrip().endswith("</article>") for _, text in pages)


def test_charts_of_many_seconds_are_whole():
    html = page.render(load_results(seconds=1500))
    found = [dict(attributes) for tag, attributes in Elements(html).tags]
    points = [json.loads(one["data-points"]) for one in found if "data-points" in one]
    assert [len(one) for one in points] == [1500, 1500]
    drawn = [one["d"] for one in found if one.get("class", "").startswith("line k")]
    assert [len(one.split("L")) for one in drawn] == [500, 500, 500, 500]


def test_a_megabyte_stays_small():
    banner = escape(b"220 " + b"A\xff" * 500_000 + b"\r\n")
    made = case(0, got=banner, reason=banner, transcript=[Event(at=0, who="S", text=banner, size=1_000_006)])
    html = whole(made)
    assert len(html) < 200_000
    assert "1,000,006 octets" in html
    assert "characters left out" in html


def test_the_page_asks_nothing_of_the_network():
    html = page.render(results(cases=30))
    loading = {"src", "srcset", "poster", "action", "data", "background"}
    assert [
        tag for tag, attributes in Elements(html).tags if loading & set(attributes) or tag == "link"
    ] == []
    assert "default-src 'none'" in html
    assert "url(" not in html


def test_a_run_that_was_cut_off_says_so_first():
    html = page.render(results(cases=5, ended=False))
    assert html.index("the run was cut off before its end") < html.index('id="results"')


def test_a_target_that_stopped_behaving_is_no_good_answer():
    end = Sanity(when="end", ok=False, detail="no greeting", last_good_case="smtp/case-0")
    html = whole(case(0), end)
    assert headline(html) == "postfix: no violation, but the target stopped behaving"
    assert "did not behave at the end of the run, after case smtp/case-0" in html


@pytest.fixture
def files(tmp_path: Path) -> Path:
    records.write(tmp_path / "good.jsonl", results(cases=10))
    damaged = (tmp_path / "good.jsonl").read_bytes().splitlines(keepends=True)
    place = next(n for n, line in enumerate(damaged) if b'"kind":"case"' in line)
    damaged[place] = b'{"kind":"case","id":\n'
    (tmp_path / "damaged.jsonl").write_bytes(b"".join(damaged)[:-40])
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "alien.jsonl").write_bytes(b"%PDF-1.7\nnothing\n")
    return tmp_path


def test_report_writes_the_page(files, capsys):
    out = files / "new" / "report.html"
    assert cli.main([str(files / "good.jsonl"), "-o", str(out)]) == 0
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "10 results, 1 server" in capsys.readouterr().out


def test_report_says_what_could_still_be_read(files, capsys):
    out = files / "report.html"
    assert cli.main([str(files / "damaged.jsonl"), str(files / "missing.jsonl"), "-o", str(out)]) == 0
    said = capsys.readouterr().err
    assert re.search(r"damaged\.jsonl:\d+: not a result record", said)
    assert "damaged.jsonl is damaged; 9 cases could still be read" in said
    assert "missing.jsonl: cannot be read: No such file or directory" in said
    html = out.read_text(encoding="utf-8")
    assert "2 lines are damaged and left out" in html
    assert "missing.jsonl" in html


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.jsonl", "No such file"),
        ("empty.jsonl", "the file is empty"),
        ("alien.jsonl", "none of its lines is a result record"),
        (".", "Is a directory"),
    ],
)
def test_nothing_readable_is_exit_2(files, capsys, name, said):
    assert cli.main([str(files / name), "-o", str(files / "report.html")]) == 2
    assert said in capsys.readouterr().err
    assert not (files / "report.html").exists()


def test_wrong_usage_is_exit_4(files, capsys):
    assert cli.main(["-o", str(files / "report.html")]) == 4
    assert "RESULTS.jsonl" in capsys.readouterr().err


BARE = {
    "id": "smtp/x",
    "protocol": "smtp",
    "requirement": "R",
    "level": "MUST",
    "reason": "",
    "duration_s": 0,
}
BARE_LOAD = records.Load(scenario="s", target="t", duration_s=0, messages=0, failures=0, rate=0)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_least_that_a_case_has_is_enough(verdict):
    html = page.render([records.Case(verdict=verdict, **BARE)])
    assert 'href="#smtp/x"' in html


@pytest.mark.parametrize(
    "found",
    [
        [BARE_LOAD],
        [BARE_LOAD, records.Sample(at=0, messages=0, failures=0)],
        [records.Sample(at=0, messages=0, failures=0), records.Sample(at=1, messages=0, failures=0)],
        [run()],
        [target()],
        [Sanity(when="start", ok=False)],
        [Summary(ended="", duration_s=0, exit_code=2)],
        [],
        [records.Case(verdict=Verdict.FAIL, severity={"cve": "CVE-1"}, **BARE)],
        [records.Case(verdict=Verdict.FAIL, severity={"exploitable": "relay"}, **BARE)],
        [records.Case(verdict=Verdict.FAIL, deviation={"link": "x"}, **BARE)],
        [
            records.Case(
                verdict=Verdict.PASS,
                script="a",
                step_line=1,
                findings=[records.Finding(rule="r", text="t")],
                **BARE,
            )
        ],
    ],
)
def test_records_may_be_sparse(found):
    assert "<h1" in page.render(found)
    assert "<h1" in page.render([*found, *results("other", 3, 2)])
