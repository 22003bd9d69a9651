"""Every way in which a step can be wrong: what is said of it, and of which place."""

from __future__ import annotations

import pytest

from tests.language.helpers import suite, wrong

# Protocol, script (first line is 10, column 7; indented text moves right), what is said.
_STEPS = [
    ("smtp", "- C: NOOP\n  times: 0\n  S: 250", ["11:16: a step is played 1 to 1000 times"]),
    (
        "smtp",
        "- connect: two\n  times: 2\n- C: NOOP\n  on: two\n  S: 250",
        ["11:9: a step with connect or literal is played once"],
    ),
    # shape
    ("smtp", "- D: NOOP", ["10:9: unknown key 'D' (allowed: C, raw, message, literal, data, connect, tls, "]),
    ("smtp", "- C: NOOP\n  s: 250", ["11:9: unknown key 's'; did you mean 'S'? (allowed: C, raw,"]),
    (
        "smtp",
        "- S: {repyl: 250}",
        ["10:13: unknown key 'repyl'; did you mean 'reply'? (allowed: reply, text,"],
    ),
    (
        "smtp",
        "- C: 250\n  S: 250",
        ['10:12: C: expected text or a list, found the number 250; write it in quotes: "250"'],
    ),
    (
        "smtp",
        "- C: {repeat a 5}\n  S: 250",
        ["10:9: C: expected text or a list, found a mapping; text that begins with {"],
    ),
    (
        "smtp",
        "- S: 250\n  given: yes",
        ["11:16: given: expected true or false, found the text 'yes'; YAML's other words"],
    ),
    (
        "smtp",
        "- S: true",
        ["10:12: S: expected a number or text or a list or a mapping (reply, text, each_line,"],
    ),
    (
        "smtp",
        "- S: {lines: many}",
        ["10:20: lines: expected a number or a mapping (exactly, at_least, at_most)"],
    ),
    (
        "smtp",
        "- NOOP",
        ["10:9: script: expected a mapping (C, raw, message, literal, data, connect ...), found the text"],
    ),
    ("smtp", "- connect: {state: ehlo}", ["10:9: 'name' is missing here"]),
    # one step, one thing
    (
        "smtp",
        "- C: NOOP\n  raw: x\n  S: 250",
        ["11:9: one step does one thing: C or raw, in steps of their own"],
    ),
    ("smtp", "- S: 250\n- note: x", ["11:9: this step does nothing and expects nothing"]),
    (
        "smtp",
        "- tls: {fails: true, may_fail: true}\n- S: 250",
        ["10:28: fails and may_fail exclude each other"],
    ),
    (
        "smtp",
        '- tls: {version: "1.4"}',
        ["10:24: unknown version of TLS '1.4'; did you mean '1.3'?"],
    ),
    (
        "smtp",
        "- connect: {name: b, clear: true}\n- S: 250",
        ["10:28: clear goes with state: connected, where nothing was said yet"],
    ),
    (
        "smtp",
        "- C: NOOP\n  offered: Size\n  S: 250",
        ["11:18: 'Size': capabilities are written in capitals"],
    ),
    (
        "smtp",
        '- S: 334\n  save: "(?P<it>.*)"\n- C: "{cram_md5 $it}"\n  S: 235',
        ["12:12: this function takes CHALLENGE USER PASSWORD; found 'x'"],
    ),
    ("smtp", "- tls: false\n- S: 250", ["10:9: this step does nothing and expects nothing"]),
    ("smtp", "- C: []\n  S: 250", ["10:9: an empty list sends nothing"]),
    (
        "smtp",
        '- C: "A\\r\\nB"\n  S: 250',
        ["10:12: a command is one line and gets its CRLF: several go in a list"],
    ),
    ("smtp", "- C: |\n    NOOP\n  S: 250", ["10:12: a command is one line and gets its CRLF"]),
    ("smtp", "- S: 250\n  secret: true", ["11:9: secret needs C, raw or message beside it"]),
    ("smtp", "- S: 250\n  segments: octets", ["11:9: segments needs C, raw or message beside it"]),
    # protocols
    (
        "smtp",
        "- data: passive\n- S: 250",
        ["10:9: only FTP has data connections; this connection speaks smtp"],
    ),
    ("ftp", "- message: x\n  S: 250", ["10:9: a message is sent by SMTP, submission and LMTP, not by ftp"]),
    ("smtp", "- C: x\n  literal: y\n  S: 250", ["11:9: a literal goes with C, on an IMAP connection"]),
    ("imap", "- literal: y\n  S: OK", ["10:9: a literal goes with C, on an IMAP connection"]),
    ("smtp", "- S: {code: x}", ["10:13: code is for imap, pop3, not for smtp"]),
    ("smtp", "- S: {untagged: [x]}", ["10:13: untagged is for imap, not for smtp"]),
    ("pop3", "- S: {enhanced: 5.1.1}", ["10:13: enhanced is for smtp, submission, lmtp, not for pop3"]),
    # answers
    (
        "smtp",
        "- S: 2xx",
        ["10:12: '2xx' is no reply of smtp; did you mean '2yz'? (S takes a code (250), a class (2yz) or"],
    ),
    (
        "smtp",
        "- S: [250, 25]",
        ["10:18: '25' is no reply of smtp (S takes a code (250), a class (2yz) or closed)"],
    ),
    (
        "smtp",
        "- S: {reply: [250, close]}",
        ["10:26: 'close' is no reply of smtp; did you mean 'closed'? (reply takes"],
    ),
    ("smtp", "- S: 250\n  tolerate: [501, +OK]", ["11:25: '+OK' is no reply of smtp (tolerate takes"]),
    ("pop3", "- S: OK", ["10:12: 'OK' is no reply of pop3; did you mean '+OK'? (S takes +OK, -ERR"]),
    (
        "imap",
        "- S: ok",
        ["10:12: 'ok' is no reply of imap; did you mean 'OK'? (S takes OK, NO, BAD, BYE, PREAUTH"],
    ),
    ("smtp", "- S: []", ["10:9: an empty list accepts nothing; any reply is S: {}"]),
    ("smtp", "- S: 250\n  when: closed", ["11:15: when looks at the last reply, and closed is none"]),
    ("smtp", "- C: NOOP\n  tolerate: 250\n- S: 250", ["11:9: tolerate needs an S beside it"]),
    ("smtp", "- observe: x\n  save: (?P<a>b)", ["11:9: save needs an S beside it, or data: {receive: ...}"]),
    ("smtp", "- S: {or: 250}", ["10:13: or goes with silence; alternatives are a list, reply: [250, 251]"]),
    ("smtp", "- S: {silence: 1, reply: 250}", ["10:25: silence and reply exclude each other; answers that"]),
    (
        "smtp",
        "- S: {enhanced: 5.1}",
        ['10:23: enhanced: expected text, found the number 5.1; write it in quotes: "5.1"'],
    ),
    ("smtp", "- S: {enhanced: 3.1.1}", ["10:23: '3.1.1' is no enhanced status code such as 5.1.1 or 5.y.z"]),
    ("smtp", "- S: {telnet: [fff1]}", ["10:13: telnet is for ftp, not for smtp"]),
    ("ftp", "- S: {telnet: [fff]}", ["10:13: not hexadecimal: 'fff'"]),
    # regular expressions
    ("smtp", "- S: {text: 'a('}", ["10:19: not a regular expression: missing ), unterminated subpattern"]),
    ("smtp", "- S: {never: [a, '*']}", ["10:24: not a regular expression: nothing to repeat at position 0"]),
    ("smtp", "- S: 250\n  save: (a)", ["11:15: save needs a named group: (?P<name>...) becomes {name}"]),
    ("smtp", "- delivered: {text: ['[']}", ["10:28: not a regular expression: unterminated character set"]),
    (
        "ftp",
        "- data: {receive: {each_line: ')'}}",
        ["10:37: not a regular expression: unbalanced parenthesis"],
    ),
    # variables
    (
        "smtp",
        "- C: HELO {cleint}\n  S: 250",
        ["10:12: unknown variable 'cleint'; did you mean 'client'? (a brace"],
    ),
    (
        "smtp",
        "- C: [A, 'B {zzz}']\n  S: 250",
        ["10:16: unknown variable 'zzz'; a fact of your own profile must be"],
    ),
    ("smtp", "- C: NOOP {later}\n  S: 250\n  save: (?P<later>x)", ["10:12: unknown variable 'later'"]),
    ("smtp", "- C: '{repaet a 5}'\n  S: 250", ["10:12: unknown function 'repaet'; did you mean 'repeat'?"]),
    ("smtp", "- C: '{repeat}'\n  S: 250", ["10:12: {repeat}: the function repeat needs an argument"]),
    ("smtp", "- C: '{repeat a b}'\n  S: 250", ["10:12: not {repeat TEXT TIMES} of at most 16000000"]),
    ("smtp", "- raw: [a, {repeat: '{x}'}]\n  S: 250", ["10:27: unknown variable 'x'"]),
    ("smtp", "- message: {text: '{x}'}\n  S: 250", ["10:25: unknown variable 'x'"]),
    ("smtp", "- S: {text: '{x}'}", ["10:19: unknown variable 'x'"]),
    ("smtp", "- C: NOOP {tag}\n  S: 250", ["10:12: unknown variable 'tag'"]),
    # connections
    ("smtp", "- C: NOOP\n  on: secnod\n  S: 250", ["11:13: unknown connection 'secnod' (known: main)"]),
    ("smtp", "- connect: b\n- C: NOOP\n  on: a\n  S: 250", ["12:13: unknown connection 'a'"]),
    (
        "smtp",
        "- connect: {name: b, protocol: impa}\n- S: 250",
        ["10:38: unknown protocol 'impa'; did you mean 'imap'?"],
    ),
    (
        "smtp",
        "- connect: {name: b, state: male}\n- S: 250",
        ["10:35: unknown state of smtp 'male'; did you mean 'mail'?"],
    ),
    ("smtp", "- connect: 'a b'\n- S: 250", ["10:18: 'a b' is no name for a connection"]),
    ("smtp", "- connect: b\n  S: 220", ["11:9: S would read from main; say on: b, or use a step of its own"]),
    # octets and numbers
    (
        "smtp",
        "- message: {kind: text}\n  S: 250",
        ["10:9: content is given by exactly one of text, hex, size; found none"],
    ),
    (
        "smtp",
        "- message: {text: a, size: 1}\n  S: 250",
        ["10:9: content is given by exactly one of text, hex, size; found text and"],
    ),
    ("smtp", "- message: {size: 1G}\n  S: 250", ["10:25: not a size: '1G' (write 1000, 64k or 10M)"]),
    ("smtp", "- message: {size: 1000M}\n  S: 250", ["10:25: 1000M is more than 67108864 octets"]),
    ("smtp", "- message: {hex: 0g}\n  S: 250", ["10:24: not hexadecimal: '0g'"]),
    (
        "smtp",
        "- message: {size: 1, kind: binery}\n  S: 250",
        ["10:34: unknown kind 'binery'; did you mean 'binary'?"],
    ),
    (
        "smtp",
        "- message: {text: a, header: b}\n  S: 250",
        ["10:28: header goes before generated content (size)"],
    ),
    (
        "imap",
        "- C: x\n  literal: {text: a, raw: true}\n  S: OK",
        ["11:28: raw is for a message: dots are stuffed nowhere else"],
    ),
    (
        "smtp",
        "- raw: [{hex: 0d, repeat: a}]\n  S: 250",
        ["10:15: a piece is exactly one of hex, repeat (with times), chunk; found hex and repeat"],
    ),
    (
        "smtp",
        "- raw: [{times: 2}]\n  S: 250",
        ["10:15: a piece is exactly one of hex, repeat (with times), chunk; found none of them"],
    ),
    ("smtp", "- raw: [{hex: 0d, last: true}]\n  S: 250", ["10:25: last goes with chunk"]),
    (
        "smtp",
        "- raw: [{chunk: a, times: 2}]\n  S: 250",
        ["10:26: a chunk stands once: write it as often as it is sent"],
    ),
    ("smtp", "- raw: [{chunk: '{x}'}]\n  S: 250", ["10:23: unknown variable 'x'"]),
    ("smtp", "- raw: [{chunk: {text: '{x}'}}]\n  S: 250", ["10:30: unknown variable 'x'"]),
    (
        "smtp",
        "- raw: [{chunk: {text: a, size: 1}}]\n  S: 250",
        ["10:16: content is given by exactly one of text, hex, size; found text and size"],
    ),
    ("smtp", "- raw: {hex: xx}\n  S: 250", ["10:20: not hexadecimal: 'xx'"]),
    ("smtp", "- raw: {repeat: a, times: 0}\n  S: 250", ["10:33: times is 1 or more"]),
    (
        "smtp",
        "- C: a\n  segments: words\n  S: 250",
        ["11:19: unknown way to cut 'words' (known: cr-lf, lines, octets, whole)"],
    ),
    (
        "smtp",
        "- C: a\n  segments: {pause: 1}\n  S: 250",
        ["11:9: segments are cut either every so many octets or at"],
    ),
    (
        "smtp",
        "- C: a\n  segments: {every: 1, pause: 1h}\n  S: 250",
        ["11:37: not a duration: '1h' (write 200ms,"],
    ),
    (
        "smtp",
        "- wait: soon\n- S: 250",
        ["10:15: not a duration: 'soon' (write 200ms, 1.5s, 2m or a number of seconds)"],
    ),
    ("smtp", "- S: {silence: -1}", ["10:22: not a duration: -1"]),
    (
        "smtp",
        "- S: {reply: 250, lines: {exactly: 1, at_most: 2}}",
        ["10:25: a count says either exactly, or at_least"],
    ),
    (
        "smtp",
        "- S: {reply: 250, lines: {at_least: 3, at_most: 2}}",
        ["10:25: at least 3 and at most 2 is impossible"],
    ),
    ("smtp", "- S: {reply: 250, lines: -1}", ["10:32: -1 is no count"]),
    ("smtp", "- delivered: {count: {}}", ["10:21: a count says either exactly, or at_least and at_most"]),
    ("smtp", "- delivered: {within: 5x}", ["10:29: not a duration: '5x'"]),
    ("smtp", "- relayed: {count: {}}", ["10:19: a count says either exactly, or at_least and at_most"]),
    ("smtp", "- relayed: {within: 5x}", ["10:27: not a duration: '5x'"]),
    ("smtp", "- relayed: {hop: ful}", ["10:24: unknown next hop 'ful'; did you mean 'full'?"]),
    ("smtp", "- relayed: {answered: 551}", ["10:29: a next hop answers one of 250, 550, 451, 554, 452"]),
    ("smtp", "- relayed: {answered: 550, text: [a]}", ["10:34: what is refused at RCPT has no content"]),
    ("smtp", "- relayed: {commands: ['[']}", ["10:30: not a regular expression: unterminated character set"]),
    ("smtp", "- relayed: {to: '{ful_hop}'}", ["10:23: unknown variable 'ful_hop'; did you mean 'full_hop'?"]),
    ("smtp", "- relayed: {ends_with: {}}", ["10:19: content is given by exactly one of text, hex, size"]),
    # FTP data connections
    ("ftp", "- data: pasive\n- S: 250", ["10:15: unknown data connection 'pasive'; did you mean 'passive'?"]),
    ("ftp", "- data: {open: port}\n- S: 250", ["10:22: unknown data connection 'port'"]),
    (
        "ftp",
        "- data: {open: passive, close: true}\n- S: 250",
        ["10:9: data takes exactly one of open, receive, send,"],
    ),
    (
        "ftp",
        "- data: {receive: {}, from: 127.0.0.3}\n- S: 250",
        ["10:29: from goes with open or refused"],
    ),
    (
        "ftp",
        "- data: {receive: {}, mark: 3}\n- S: 250",
        ["10:29: mark goes with send"],
    ),
    (
        "ftp",
        "- data: {send: x, mark: 0}\n- S: 250",
        ["10:31: 0: at least one octet"],
    ),
    (
        "ftp",
        "- data: {receive: {first: x}}\n- S: 250",
        ["10:33: not a size: 'x'"],
    ),
    (
        "ftp",
        "- data: {silence: long}\n- S: 250",
        ["10:25: not a duration: 'long'"],
    ),
    (
        "ftp",
        "- data: {peer: {host: '{nowhere}'}}\n- S: 250",
        ["10:29: unknown variable 'nowhere'"],
    ),
    (
        "ftp",
        "- data: {send: {text: x, drop: some}}\n- S: 250",
        ["10:38: not a size: 'some'"],
    ),
    (
        "ftp",
        "- C: MODE B\n  S: 200\n  skip: no",
        ["12:15: 'no' is no"],
    ),
    (
        "ftp",
        "- data: {}\n- S: 250",
        ["10:9: data takes exactly one of open, receive, send, close, reset, refused, tls, peer,"],
    ),
]


@pytest.mark.parametrize(("protocol", "script", "said"), _STEPS, ids=[repr(row[1][:40]) for row in _STEPS])
def test_bad_step(tmp_path, protocol, script, said):
    found = wrong(tmp_path, suite(script, protocol))

    assert len(found) >= len(said), found
    for line, begin in zip(found, said, strict=False):
        assert line.startswith(begin), found


_GOOD = [
    ("smtp", "- S: {}"),
    ("smtp", "- S: 220\n- C: 'a {5} {5+} {} {{client} {123'\n  S: 250"),
    ("smtp", "- S: {text: '\\d{3}[a-z]{2,}{client}'}"),
    ("smtp", "- S: 220\n  save: (?P<id>\\w+)\n- C: NOOP {id}\n  S: 250"),
    ("smtp", "- C: '{repeat a 2}'\n  S: 250"),
    ("smtp", "- C: '{base64 \\0$user\\0$password}'\n  secret: true\n  S: 235"),
    ("smtp", "- C: RCPT TO:<{recipient.local}@{recipient.domain}>\n  S: 250"),
    ("smtp", "- connect: b\n- C: NOOP\n  on: b\n  S: 250\n- close: true\n  on: b"),
    ("smtp", "- connect: {name: b, state: connected}\n  on: b\n  S: 220"),
    ("smtp", "- S: {silence: 1.5s, or: [5yz, closed]}"),
    ("smtp", "- observe: greeting"),
    ("smtp", "- S: 220\n- C: STARTTLS\n  S: 220\n- tls: true"),
    ("smtp", "- delivered: {}"),
    ("smtp", "- relayed: {}"),
    ("smtp", "- relayed: {to: ['a@{full_hop}', 'b@{plain_hop}'], answered: 550, count: {at_least: 1}}"),
    ("ftp", "- S: 220\n- data: {send: ''}\n- S: 226"),
    ("ftp", "- data: {receive: {save: x}}\n- data: {receive: {equals: '{x}'}}"),
    ("imap", "- S: OK\n- C: NOOP\n  S: {reply: OK, never: ['{tag}']}"),
    ("imap", "- C: LOGIN a\n  literal: b\n  S: NO"),
    ("pop3", "- S: +OK\n- C: LIST\n  S: {reply: +OK, body: 'x', multiline: true}"),
]


@pytest.mark.parametrize(("protocol", "script"), _GOOD, ids=[row[1][:40] for row in _GOOD])
def test_good_step(tmp_path, protocol, script):
    assert wrong(tmp_path, suite(script, protocol)) == []
