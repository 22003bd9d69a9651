"""`plumbline coverage` counts what the catalogue and the suites say."""

from __future__ import annotations

import pytest
from plumbline.probes.covered import Covered, Standing, covered, main, markdown, table
from plumbline.probes.requirements import Requirement
from plumbline.probes.script.loader import Library


def requirement(name, how="wire", level="MUST", rfc=5321):
    return Requirement(
        id=name,
        rfc=rfc,
        title="Mail",
        section="1",
        level=level,
        basis="keyword",
        protocols=("smtp",),
        statement="A | b.",
        how=how,
        notes="nobody sees it",
    )


ROWS = [
    Covered(requirement("RFC5321-1-a"), ("smtp/a", "smtp/b")),
    Covered(requirement("RFC5321-1-b", how="untestable"), ()),
    Covered(requirement("RFC5321-1-c"), ()),
    Covered(requirement("RFC959-1-a", rfc=959), ("ftp/a",)),
    Covered(requirement("RFC959-1-b", how="untestable", rfc=959), ("ftp/b",)),
]


def test_standing():
    assert [row.standing for row in ROWS] == ["tested", "untestable", "to do", "tested", "tested"]


def test_the_table_has_a_row_for_each_rfc_and_the_sum():
    assert list(table(ROWS)) == [
        ("RFC 959", "Mail", "2", "2", "0", "0"),
        ("RFC 5321", "Mail", "3", "1", "1", "1"),
        ("all", "", "5", "3", "1", "1"),
    ]


def test_the_page_names_what_is_untestable_and_to_do():
    page = "\n".join(markdown(ROWS))

    assert "| RFC5321-1-b | MUST | A \\| b. | nobody sees it |" in page
    assert "| RFC5321-1-c | MUST | A \\| b. | wire |" in page
    assert "RFC959-1-b" not in page


def test_shipped_suites(capsys):
    rows = covered(Library.open())

    assert main([]) == 0
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last[1:] == [str(len(rows)), *(str(sum(row.standing is one for row in rows)) for one in Standing)]


def test_one_rfc_in_detail(capsys):
    assert main(["--rfc", "1870", "--standing", "tested"]) == 0
    told = capsys.readouterr().out
    assert "RFC1870-" in told
    assert "case smtp/size-" in told
    assert "to do" not in told


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [(["--rfc", "4"], 4, "RFCs: 821, 854, 959"), (["--rfc", "x"], 4, "invalid int value"), (["-h"], 0, "")],
)
def test_mistakes(capsys, argv, code, said):
    assert main(argv) == code
    assert said in capsys.readouterr().err


def test_a_standing_that_nothing_has_is_no_mistake(capsys):
    assert main(["--rfc", "2034", "--standing", "to do"]) == 0
    assert capsys.readouterr().out == "none is to do\n"


def test_check_fails_where_something_binding_is_to_do(capsys):
    binding = [row for row in covered(Library.open()) if row.standing is Standing.OPEN]
    levels = {row.requirement.level for row in binding}

    assert main(["--check"]) == int(bool(levels - {"MAY"}))
    assert capsys.readouterr().out
