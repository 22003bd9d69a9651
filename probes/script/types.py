"""The YAML language, as types. The loader, the JSON Schema and the reference page are all made from these.

An alternative is how a suite names an answer it accepts: an exact status (250, "+OK", NO), a class
(2yz), or `closed` (FIN and RST alike). A duration is a number of seconds or text such as 200ms, 1.5s, 2m.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

Alternative: TypeAlias = int | str
Alternatives: TypeAlias = int | str | list[Alternative]
Duration: TypeAlias = int | float | str
Regex: TypeAlias = str


class Node(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """Base of every mapping of the language."""


class Count(Node, kw_only=True, frozen=True):
    """How many. One of `exactly`, or a range."""

    exactly: int | None = None  # this many
    at_least: int | None = None  # this many or more
    at_most: int | None = None  # this many or fewer


class Expect(Node, kw_only=True, frozen=True):
    """What the server must answer. Everything that is given must hold.

    A step that waits for silence says `silence`; `or` then lists the answers that are as good.
    """

    reply: Alternatives = []  # the answers that are accepted; none: any reply
    text: Regex = ""  # searched in the reply's text, lines joined by line feeds
    each_line: Regex = ""  # must match every line's text in full
    lines: int | Count | None = None  # how many lines the reply has
    enhanced: str = ""  # enhanced status code, "5.1.1" or "5.y.z" (RFC 3463)
    code: Regex = ""  # IMAP, POP3: the bracketed response code, without its brackets
    untagged: list[Regex] = []  # IMAP: each must be found in some untagged response
    body: Regex | list[Regex] = []  # POP3: each is searched in the multi-line body
    never: list[Regex] = []  # must not be found in the text, the body or an untagged response
    telnet: list[str] | None = None  # FTP: exactly these Telnet commands came so far, each in hexadecimal
    multiline: bool | None = None  # POP3: overrules what the command suggests
    tag: str | None = None  # IMAP: the tag awaited, where a raw step made its own; "" takes any one response
    alert: bool = False  # beside `closed`: within TLS, and with its close alert
    silence: Duration | None = None  # nothing may come for so long
    or_: Alternatives = msgspec.field(name="or", default_factory=list)  # beside silence: as good
    not_: Alternatives = msgspec.field(name="not", default_factory=list)  # faults, though policy elsewhere
    within: Duration | None = None  # deadline of this answer, where the usual one is wrong


class Content(Node, kw_only=True, frozen=True):
    """Octets by description: a mail, a file, a literal.

    Exactly one of `text`, `hex`, `size`. Line ends of `text` become CRLF unless `exact`.
    `size` makes that many octets of the kind asked for: text lines, or all 256 octet values in turn.
    """

    text: str | None = None  # as written, {variables} replaced
    hex: str | None = None  # octets in hexadecimal, blanks between them allowed
    size: int | str | None = None  # 1000, 64k, 10M
    kind: str = "text"  # text, binary
    header: str = ""  # placed before a generated body
    drop: int | str = 0  # leave out the first octets, so many
    exact: bool = False  # keep the line ends of `text` as they are
    raw: bool = False  # a mail: no dot-stuffing and no end of data are added


class Octets(Node, kw_only=True, frozen=True):
    """A piece of a `raw` step: exactly one of `hex`, `repeat`, `chunk`."""

    hex: str | None = None  # octets in hexadecimal
    repeat: str | None = None  # or: this text, {variables} replaced
    times: int = 1  # how often
    chunk: str | Content | None = None  # or: BDAT, the number of these octets, and the octets
    last: bool = False  # with chunk: BDAT says LAST


class Segments(Node, kw_only=True, frozen=True):
    """How the octets of a step are cut into TCP segments, with a pause between them."""

    every: int | None = None  # octets per segment
    at: list[int] = []  # or: cut before these octets, counted from 0
    pause: Duration = 0  # between two segments


class Connect(Node, kw_only=True, frozen=True):
    """Open one more connection and bring it to a state of its protocol."""

    name: str  # how later steps refer to it: `on: name`
    protocol: str = ""  # the suite's own unless said otherwise
    state: str = "greeting"  # a fixture state of that protocol
    clear: bool = False  # no TLS, also where the target begins with it; goes with the state connected


class Tls(Node, kw_only=True, frozen=True):
    """A TLS handshake as client on the connection."""

    fails: bool = False  # the handshake must not succeed
    may_fail: bool = False  # it may succeed or not: the steps behind it find out what that means
    verify: bool = False  # check the certificate as well
    version: str = ""  # this version only: 1.0, 1.1, 1.2, 1.3; or 1.2+
    name: str = ""  # of the server, as the handshake tells it (SNI); without it the target's as it was given
    unlike: str = ""  # a connection whose certificate must be another one
    ends: bool = False  # instead of a handshake: both sides close TLS and go on in clear


class Receive(Node, kw_only=True, frozen=True):
    """What must come over the data connection until the file ends, by the server's close or by a mark.

    TYPE, STRU and MODE as the server has accepted them are undone before anything is compared.
    """

    equals: str | Content | None = None  # exactly these octets
    text: Regex = ""  # is searched in the data
    each_line: Regex = ""  # must match every line in full
    never: list[Regex] = []  # must not be found
    size: int | Count | None = None  # how many octets
    records: int | Count | None = None  # how many records, in record structure
    first: int | str | None = None  # so many octets as they come, then no more are read for now
    save: str = ""  # variable that keeps the octets, for a later `equals: "{name}"`
    tls_ended: bool = False  # under TLS the server must close TLS before it closes TCP
    save_marker: str = ""  # variable that keeps the last restart marker (block and compressed mode)


class Peer(Node, kw_only=True, frozen=True):
    """Where a connection comes from."""

    host: str = ""  # its address
    port: int | str = ""  # its port


class DataTls(Node, kw_only=True, frozen=True):
    """A TLS handshake as client on the data connection."""

    fails: bool = False  # the handshake must not succeed
    may_fail: bool = False  # it may succeed or not: the steps behind it find out what that means
    resume: bool = True  # offer to go on with the TLS session of the control connection
    same_certificate: bool = False  # the server must show the certificate of the control connection


class Data(Node, kw_only=True, frozen=True):
    """FTP data connection. Exactly one of the keys up to `unconnected`; the others say how.

    open: passive, extended-passive (we send PASV or EPSV and connect), active, extended-active (we listen
    and send PORT or EPRT), reply (connect to where the last 227 or 229 reply points), listen (and send
    nothing), or default (listen on the port of the control connection). After PROT P what is received and sent
    goes through TLS.
    """

    open: str = ""  # passive, extended-passive, active, extended-active, reply, listen, default
    receive: Receive | None = None  # read to the end of the file, then judge
    send: str | Content | None = None  # send and close; in stream mode that is the end of the file
    close: bool = False  # close at our end
    reset: bool = False  # close with RST
    refused: bool = False  # connecting to where the last reply points must fail
    tls: bool | DataTls | None = None  # a TLS handshake, now
    peer: str | Peer | None = None  # where the server's connection must come from; a text is the address
    silence: Duration | None = None  # no octet may come for so long; a close may
    closed: Duration | None = None  # within so long the server must end the connection, without an octet
    unconnected: Duration | None = None  # nobody may connect to where we listen, for so long
    from_: str = msgspec.field(name="from", default="")  # with open, refused: the address of ours
    at: str = ""  # with open: listen on this address of ours
    raw: bool = False  # with receive or send: the octets of the wire, not coded, no handshake
    keep: bool = False  # with receive or send: the connection stays open
    may_fail: bool = False  # with send: the server may end the connection meanwhile
    cut: bool = False  # with send: under TLS, close TCP without closing TLS before
    mark: int | str | None = None  # with send: a restart marker behind so many octets (MODE B, C)


class Delivered(Node, kw_only=True, frozen=True):
    """What must have arrived, seen through whatever way the profile names (`delivered:`)."""

    marker: str = "{marker}"  # text that makes a mail ours
    count: int | Count = 1  # how many there must be
    text: list[Regex] = []  # each is searched in every message found
    never: list[Regex] = []  # must be found in none
    contains: str | Content | None = None  # these octets stand in every message found
    to: str = ""  # for the reader: whose mail it is
    within: Duration = 20  # how long to wait for them


class Relayed(Node, kw_only=True, frozen=True):
    """What must have reached a next hop of ours (`next_hops` in the profile)."""

    to: str | list[str] = []  # the recipient, or any of these, as the next hop was told by RCPT
    marker: str = ""  # text that makes a mail ours; {marker} where there is no `to`
    hop: str = ""  # at this next hop only: full, plain
    answered: int = 250  # what the next hop answered: 250, or the code that the local-part asks for
    count: int | Count = 1  # how many there must be
    commands: list[Regex] = []  # each is searched in the commands (EHLO, MAIL, RCPT) of every mail found
    never_commands: list[Regex] = []  # must be found in those of none
    text: list[Regex] = []  # each is searched in every mail found
    never: list[Regex] = []  # must be found in none
    ends_with: str | Content | None = None  # every mail found ends in exactly these octets
    within: Duration = 20  # how long to wait for them


class Step(Node, kw_only=True, frozen=True):
    """One step: at most one thing the client does, then at most one answer."""

    # what the client does
    C: str | list[str] | None = None  # one command line, or several in one write
    raw: str | Octets | list[str | Octets] | None = None  # octets as written, nothing added
    message: str | Content | None = None  # a mail: dot-stuffed, ended by CRLF.CRLF
    literal: str | Content | None = None  # IMAP: with C, the literal that ends the command
    data: str | Data | None = None  # FTP: the data connection; a text is short for `open`
    connect: str | Connect | None = None  # one more connection; a text is its name
    tls: bool | Tls | None = None  # TLS handshake, after the server's go-ahead
    close: bool = False  # close the connection at our end
    shutdown: bool = False  # half-close: we send no more, but still read
    reset: bool = False  # close with RST
    wait: Duration | None = None  # do nothing for so long
    delivered: Delivered | None = None  # what must have arrived by now
    relayed: Relayed | None = None  # what must have reached a next hop of ours by now
    # what the server must answer
    S: int | str | list[Alternative] | Expect | None = None  # an alternative, several, or details
    tolerate: Alternatives = []  # accepted in spirit: the case ends as tolerated
    skip: Alternatives = []  # the server does not do such things: the case is skipped, and says why
    observe: str = ""  # name under which the answer (of tls: the session) is recorded; without S any will do
    save: Regex = ""  # named groups become variables; of what `data: {receive: ...}` got where there is no S
    # how
    on: str = ""  # connection; the main one unless said otherwise
    when: Alternatives = []  # only if the last reply on this connection was one of these
    offered: str = ""  # only if the server offers this capability, by its last list on this connection
    given: bool = False  # a precondition: if it does not hold the case is inconclusive
    secret: bool = False  # transcripts show ****
    urgent: bool = False  # the last octet is sent as TCP urgent data
    segments: str | Segments | None = None  # octets, lines, cr-lf, whole, or details
    times: int = 1  # play the step so many times, each with its own answer
    note: str = ""  # for the reader


class Case(Node, kw_only=True, frozen=True):
    """One thing to find out."""

    id: str  # words of small letters and digits, joined by hyphens; never changes
    requirement: str  # the id of a sentence of an RFC, or X-... for one of your own
    title: str  # what is right, in a few words
    why: str = ""  # what goes wrong in the world if it is not
    script: list[Step] = []  # the steps, in order
    passive: list[str] = []  # instead of a script: fault rules judged over all replies of the run
    cleanup: list[Step] = []  # always played at the end, never judged
    state: str = ""  # where the case starts; the suite's unless said here
    needs: list[str] = []  # capabilities in capitals, profile facts in small letters
    unless: list[str] = []  # the case does not apply where one of these is there
    tags: list[str] = []  # words to select by
    severity: dict[str, Any] = {}  # security: cve (a list), exploitable (by what)
    depends_on: str = ""  # a control case that must have passed
    matrix: list[dict[str, Any]] | dict[str, list[Any]] = []  # one case for each row
    serial: bool | str = False  # true: nothing else runs; a name: excludes cases of the same name
    slow: bool = False  # takes minutes: only with --slow
    intrusive: bool = False  # could hurt a live service: only with --intrusive
    note: str = ""  # for the reader


class Suite(Node, kw_only=True, frozen=True):
    """A suite file."""

    suite: str  # its title
    protocol: str | list[str]  # smtp, submission, lmtp, ftp, pop3, imap; a list: the cases are made for each
    rfc: int  # the RFC that most of its cases are about
    state: str = ""  # where cases start that do not say it themselves
    needs: list[str] = []  # holds for all cases, besides their own
    unless: list[str] = []  # holds for all cases, besides their own
    tags: list[str] = []  # of all cases, besides their own
    serial: bool | str = False  # for all cases that do not say it themselves
    note: str = ""  # for the reader
    cases: list[Case]  # at least one


class State(Node, kw_only=True, frozen=True):
    """A fixture state: where a case may start, and how to get there from another state."""

    about: str  # what is true in this state
    after: str = ""  # the state it builds on; none: the connection is opened
    needs: list[str] = []  # of every case that starts here
    script: list[Step] = []  # how to get here; none of it is judged
    cleanup: list[Step] = []  # played after the cleanup of a case that started here, never judged


class States(Node, kw_only=True, frozen=True):
    """The states file of a protocol."""

    protocol: str  # the folder's
    like: str = ""  # a protocol whose states hold here as well; those of the same name replace them
    states: dict[str, State]  # by name
