"""Types, structures and modes: hand-made octets, round trips, every split, and octets that are none of these."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plumbline.probes.protocols import modes, pages
from plumbline.probes.protocols.coding import Decoding, Malformed, encode
from plumbline.probes.protocols.modes import Unit
from plumbline.probes.protocols.pages import Page
from plumbline.probes.protocols.parameters import Parameters

from tests.protocols.feeding import segmentations

LINES = b"line1\r\nline2\r\nline3\r\n"
ALL = [
    Parameters(kind, structure=structure, mode=mode)
    for kind, structure, mode in itertools.product("AEIL", "FRP", "SBC")
]


def decoded(segments: list[bytes], parameters: Parameters, *, closed: bool = True) -> Decoding:
    decoding = Decoding(parameters)
    for segment in segments:
        decoding.feed(segment)
    if closed:
        decoding.close()
    return decoding


def told(segments: list[bytes], parameters: Parameters) -> object:
    try:
        found = decoded(segments, parameters)
        return found.content(), found.markers, found.records, found.rest
    except Malformed as error:
        return str(error)


# Parameters as letters (type, structure, mode), content, octets that we write, octets that others may write.
BY_HAND = [
    ("AFS", LINES, "6c696e6531 0d0a 6c696e6532 0d0a 6c696e6533 0d0a", []),
    (
        "ARS",
        LINES,
        "6c696e6531 ff01 6c696e6532 ff01 6c696e6533 ff03",
        [
            "6c696e6531 ff01 6c696e6532 ff01 6c696e6533 ff01 ff02",
            "6c696e6531 ff01 6c696e6532 ff01 6c696e6533 ff02",
        ],
    ),
    ("ARS", b"", "ff02", []),
    ("ARS", b"\r\n", "ff03", ["ff01 ff02"]),
    ("IRS", b"a\xffb", "61 ffff 62 ff03", []),
    (
        "IFB",
        b"hello!",
        "40 0006 68656c6c6f21",
        ["00 0005 68656c6c6f 40 0001 21", "00 0006 68656c6c6f21 40 0000"],
    ),
    ("IFB", b"", "40 0000", []),
    (
        "ARB",
        LINES,
        "80 0005 6c696e6531 80 0005 6c696e6532 c0 0005 6c696e6533",
        ["80 0005 6c696e6531 00 0002 6c69 80 0003 6e6532 80 0005 6c696e6533 40 0000"],
    ),
    ("IFB", b"abcdef", "40 0006 616263646566", ["00 0003 616263 10 0006 303030303033 40 0003 646566"]),
    ("IFB", b"abc", "40 0003 616263", ["20 0003 616263 40 0000"]),
    ("AFC", b"abcxxxxx    ", "03 616263 85 78 0040 c4", ["0040 0c 616263787878787820202020"]),
    ("IFC", bytes(8), "0040 c8", ["0040 88 00"]),
    ("IFC", b"", "0040", []),
    ("EFC", b"    ", "0040 c4", []),
    ("ARC", b"ab\r\n\r\nc\r\n", "0080 02 6162 0080 c0 00c0 01 63", ["0080 02 6162 0080 00c0 01 63"]),
    ("EFS", LINES, "9389958 5f1 15 9389958 5f2 15 9389958 5f3 15".replace(" ", ""), []),
    ("ERS", b"ab\r\n", "8182 ff03", []),
    ("LPS", b"abc", "04 00 03 01 616263 04 01 00 00", []),
]


@pytest.mark.parametrize(("letters", "content", "ours", "others"), BY_HAND)
def test_octets_made_by_hand(letters, content, ours, others):
    parameters = Parameters(letters[0], structure=letters[1], mode=letters[2])
    assert encode(content, parameters).hex() == ours.replace(" ", "")
    for octets in (ours, *others):
        for segments in segmentations(bytes.fromhex(octets)):
            assert decoded(segments, parameters).content() == content


def test_forms_change_no_octet():
    for form in "NTC":
        assert encode(b" a\r\n0b\r\n", Parameters("A", form)) == b" a\r\n0b\r\n"


@pytest.mark.parametrize("parameters", ALL, ids=str)
@given(
    content=st.lists(st.binary(max_size=300) | st.sampled_from([b"\r\n", b"\xff", b" " * 200, b"\0" * 70]))
)
def test_round_trip(parameters, content):
    octets = b"".join(content)
    if parameters.type == "E":
        octets = octets.replace(b"\x85", b"?")
    if parameters.is_text and parameters.structure == "R" and octets:
        octets = octets.removesuffix(b"\r\n") + b"\r\n"
    wire = encode(octets, parameters)
    found = decoded([wire[:7], wire[7:]], parameters)
    assert found.content() == octets
    assert found.rest == b""
    if parameters.mode == "B" or (parameters.mode == "C" and not wire.endswith((b"\0\x40", b"\0\xc0"))):
        assert decoded([wire], parameters, closed=False).done


@pytest.mark.parametrize("mode", "BC")
@given(content=st.binary(max_size=1000), every=st.integers(1, 400))
def test_markers_are_no_data(mode, content, every):
    parameters = Parameters("I", mode=mode)
    found = decoded([encode(content, parameters, mark_every=every)], parameters)
    assert found.content() == content
    assert found.places == [(f"{place:06}", place) for place in range(every, len(content), every)]
    assert found.markers == [marker for marker, _ in found.places]


@pytest.mark.parametrize(
    "parameters", [Parameters("I", mode=mode, structure=s) for s in "FR" for mode in "SBC"], ids=str
)
@given(octets=st.binary(max_size=60))
def test_any_octets_are_told_the_same_in_any_split(parameters, octets):
    whole = told([octets], parameters)
    for segments in segmentations(octets):
        assert told(segments, parameters) == whole


@pytest.mark.parametrize("mode", "SBC")
def test_large_files(mode):
    content = bytes(range(256)) * 4096
    parameters = Parameters("I", mode=mode, structure="R")
    wire = encode(content, parameters)
    pieces = [wire[start : start + 65_536] for start in range(0, len(wire), 65_536)]
    assert decoded(pieces, parameters).content() == content


def test_longest_block_and_one_more():
    for size in (65_535, 65_536):
        wire = modes.encode_blocks([Unit(b"x" * size, eof=True)])
        assert len(wire) == size + 3 * (1 + size // 65_536)
        assert decoded([wire], Parameters("I", mode="B")).size == size


@pytest.mark.parametrize(
    ("letters", "octets", "said"),
    [
        ("IRS", "61 ff04", "FF 04"),
        ("IRS", "61", "before the end"),
        ("IRS", "61 ff", "before the end"),
        ("IFB", "", "before the end"),
        ("IFB", "40 00", "before the end"),
        ("IFB", "00 0001 61", "before the end"),
        ("IFB", "41 0000", "descriptor of 0x41"),
        ("IFC", "03 61", "before the end"),
        ("IFC", "00", "before the end"),
        ("IFC", "00 02 c1", "descriptor of 0x02"),
        ("LPS", "", "page header"),
        ("LPS", "04 00 03 01 6162", "ends before"),
        ("LPS", "04 00 01 01 61", "last page"),
        ("LPS", "04 00 00 04", "type 4"),
        ("LPS", "03 00 00 01", "header of 3"),
        ("LPS", "04 00 01 00 61", "type 0"),
        ("LPS", "04 00 00 00 61", "behind the last page"),
    ],
)
def test_what_is_wrong_is_said(letters, octets, said):
    found = told([bytes.fromhex(octets)], Parameters(letters[0], structure=letters[1], mode=letters[2]))
    assert isinstance(found, str)
    assert said in found


def test_octets_behind_the_end_belong_to_the_next_file():
    found = decoded([bytes.fromhex("40 0001 61 40 0001 62")], Parameters("I", mode="B"), closed=False)
    assert (found.content(), found.rest) == (b"a", bytes.fromhex("40 0001 62"))


def test_pages_with_holes_and_other_sizes():
    written = [
        Page(0, b"abc"),
        Page(2, b"xyz"),
        Page(2, b"k", pages.CONTROLLED, (7,)),
        Page(3, kind=pages.LAST),
    ]
    assert pages.encode(written, 8).hex() == "040003016162630402030178797a05020103076b04030000"
    assert pages.decode(pages.encode(written, 8), 8) == written
    assert pages.encode([Page(1, b"ab")], 16).hex() == "00040001000100016162"
    with pytest.raises(ValueError, match="whole octets"):
        encode(b"x", Parameters("L", byte_size=36, structure="P"))
    with pytest.raises(ValueError, match="no whole number"):
        pages.encode([Page(0, b"abc")], 16)
