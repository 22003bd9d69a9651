"""SMTP servers with one planted bug each in the parameters of DSN, DELIVERBY and RRVS, or in what they report."""

from __future__ import annotations

import re

from tests.falsify.harness import Mutant, mutant
from tests.models.smtp_dsn import LIST, Parameters

M = Parameters
_BASE = tuple(word for word in M.keywords if word.split()[0] not in ("DSN", "DELIVERBY", "RRVS"))


def refusing(name: str, value: str, *breaks: str) -> Mutant:
    """Refuses one value that it should take."""
    method = "is_" + name

    def check(self: M, given: str) -> bool:
        return given != value and bool(getattr(M, method)(self, given))

    return mutant(f"no_{name}_{value}", M, *breaks, **{method: check})


def taking(case: str, name: str, value: str | None, row: str) -> Mutant:
    """Takes one value that it should refuse; None: the parameter without a value, "" its empty value."""

    def refused(self: M, argument: str, names: tuple[str, ...]) -> str:
        wanted = name if value is None else f"{name}={value}"
        return "" if argument.endswith(f"> {wanted}") else M.refused(self, argument, names)

    return mutant(f"takes_{case}_{row}", M, f"{case}[{row}]", refused=refused)


class Twice(M):
    """Takes a parameter twice. A subclass says which."""

    parameter = ""

    def may_repeat(self, name):
        return name == self.parameter


class RefusesWithParameters(M):
    """Refuses where there are two parameters."""

    argument = "FROM:"

    def refused(self, argument, names):
        words = self.words(argument)
        fancy = len({name for name, _ in words}) == 2 and argument.startswith(self.argument)
        return "550 too fancy" if fancy else super().refused(argument, names)


class AcceptsWithParameters(M):
    def do_RCPT(self, argument):
        if "nobody@" in argument and "NOTIFY" in argument:
            self.say("250 OK")
        else:
            super().do_RCPT(argument)


class ShortLines(M):
    def on_line(self, line):
        if len(line) > 1000:
            self.say("500 line too long")
        else:
            super().on_line(line)


class Limited(M):
    """Refuses a parameter above some size."""

    parameter, size = "", 0

    def refused(self, argument, names):
        value = self.value(argument, self.parameter)
        long = value is not None and len(self.parameter) + 1 + len(value) > self.size
        return "501 too long" if long else super().refused(argument, names)


class Reports(M):
    """Reports what it should not. A subclass says when."""

    notify_is = ""

    def reports(self, path):
        wanted = self.notify[path] == self.notify_is and self.sender == "alice@example.test"
        return wanted or super().reports(path)


class ReportsToNobody(M):
    def reports(self, path):
        return super().reports(path) or (self.sender == "" and "SUCCESS" in self.notify[path])


class ReportsOtherwise(M):
    """Writes reports in which something is replaced."""

    old, new = "", ""

    def report(self, path, mail):
        return re.sub(self.old.encode(), self.new.encode(), super().report(path, mail))


class ReturnsBody(M):
    def report(self, path, mail):
        return super().report(path, mail) + mail


class KeepsXtext(M):
    def envelope_field(self):
        return f"Original-Envelope-Id: {self.envelope}\r\n"


class InventsEnvelope(M):
    def envelope_field(self):
        return super().envelope_field() or "Original-Envelope-Id: 42\r\n"


class DefersBy(M):
    def by_refused(self, value):
        return "503 no" if value == "1;R" else super().by_refused(value)


class JudgesPostmaster(M):
    def do_RCPT(self, argument):
        if "postmaster" in argument and "RRVS" in argument:
            self.say("550 5.7.17 changed")
        else:
            super().do_RCPT(argument)


class Fractions(M):
    def is_RRVS(self, value):
        return super().is_RRVS(value.replace(".5Z", "Z"))


NOTIFY = {
    "NEVER": "NEVER",
    "SUCCESS": "SUCCESS",
    "FAILURE": "FAILURE",
    "DELAY": "DELAY",
    "two": "SUCCESS,FAILURE",
    "two-turned": "DELAY,SUCCESS",
    "all": "SUCCESS,FAILURE,DELAY",
    "small": "success,failure",
    "mixed": "nEvEr",
}
ORCPT = {
    "plain": "rfc822;alice@example.test",
    "capitals": "RFC822;alice@example.test",
    "xtext": "rfc822;a+2Btag@example.test",
    "x400": "x400;/C+3Dus/",
}
BY = {
    "return": "100000;R",
    "notify": "100000;N",
    "return-and-trace": "100000;RT",
    "notify-and-trace": "100000;NT",
    "zero": "0;N",
    "negative": "-100;N",
    "plus-sign": "+100000;N",
    "nine-digits": "999999999;N",
    "small": "100000;n",
}
ENVID = {"plain": "QQ314159", "xtext": "a+2Bb+3Dc+20d", "signs": "!#$%&'()*,-./:;?@[]^_`|~"}
RRVS = {
    "time": "2014-04-03T23:01:00Z",
    "continue": "2014-04-03T23:01:00Z;C",
    "reject": "2014-04-03T23:01:00Z;R",
    "offset": "2014-04-03T23:01:00+02:00",
}
BAD: dict[tuple[str, str], dict[str, str | None]] = {
    ("notify-not-valid", "NOTIFY"): {
        "NEVER-and-SUCCESS": "NEVER,SUCCESS",
        "SUCCESS-and-NEVER": "SUCCESS,NEVER",
        "unknown": "ALWAYS",
        "empty": "",
        "no-value": None,
    },
    ("orcpt-not-valid", "ORCPT"): {
        "no-type": "alice@example.test",
        "empty": "",
        "no-value": None,
        "plus-sign": "rfc822;a+b@x.example",
        "small-hexadecimal": "rfc822;a+2b@x.example",
        "half-hexadecimal": "rfc822;a+2",
    },
    ("ret-not-valid", "RET"): {"unknown": "SOME", "empty": "", "no-value": None},
    ("envid-not-valid", "ENVID"): {
        "no-value": None,
        "equals-sign": "a=b",
        "no-hexadecimal": "a+zz",
        "half-hexadecimal": "a+2",
    },
    ("by-not-valid", "BY"): {
        "no-value": None,
        "empty": "",
        "no-mode": "100",
        "unknown-mode": "100;X",
        "ten-digits": "1234567890;N",
        "no-number": "abc;N",
    },
    ("by-in-the-past", "BY"): {"zero": "0;R", "negative": "-5;R"},
    ("rrvs-not-valid", "RRVS"): {
        "empty": "",
        "no-value": None,
        "words": "yesterday",
        "month-13": "2014-13-03T23:01:00Z",
        "unknown-action": "2014-04-03T23:01:00Z;X",
    },
}
# row of report-says-delivered -> what is replaced in a report, and by what
REPORTED = {
    "path": ("Return-Path: <>", "Return-Path: <mailer@mx.example.test>"),
    "type": ("delivery-status;", "something;"),
    "mta": ("Reporting-MTA", "X-MTA"),
    "recipient": ("Final-Recipient: rfc822; bob", "Final-Recipient: rfc822; carol"),
    "action": ("Action: delivered", "Action: failed"),
    "status": ("Status: 2.0.0", "Status: 5.0.0"),
    "original": ("Original-Recipient", "X-Recipient"),
}

MUTANTS = [
    mutant("dsn_parameter", M, "dsn-keyword", keywords=(*_BASE, "DSN yes")),
    mutant("deliverby_parameter", M, "deliverby-keyword", keywords=(*_BASE, "DELIVERBY soon")),
    mutant("rrvs_parameter", M, "rrvs-keyword", keywords=(*_BASE, "RRVS yes")),
    *(refusing("NOTIFY", value, f"notify[{row}]") for row, value in NOTIFY.items()),
    *(refusing("ORCPT", value, f"orcpt[{row}]") for row, value in ORCPT.items()),
    *(refusing("RET", value, f"ret[{value}]") for value in ("FULL", "HDRS", "full", "Hdrs")),
    *(refusing("ENVID", value, f"envid[{row}]") for row, value in ENVID.items()),
    *(refusing("BY", value, f"by[{row}]") for row, value in BY.items()),
    *(
        mutant(
            f"no_RRVS_{row}",
            M,
            f"rrvs[{row}]",
            is_RRVS=lambda self, given, value=value: given != value and M.is_RRVS(self, given),
        )
        for row, value in RRVS.items()
    ),
    *(taking(case, name, value, row) for (case, name), found in BAD.items() for row, value in found.items()),
    *(
        mutant(f"{name}_twice", Twice, f"mail-parameter-twice[{name}]", parameter=name)
        for name in ("RET", "ENVID")
    ),
    *(
        mutant(f"{name}_twice", Twice, f"rcpt-parameter-twice[{name}]", parameter=name)
        for name in ("NOTIFY", "ORCPT")
    ),
    mutant("refuses_mail_with_parameters", RefusesWithParameters, "mail-with-dsn-parameters"),
    mutant("refuses_rcpt_with_parameters", RefusesWithParameters, "rcpt-with-dsn-parameters", argument="TO:"),
    mutant("accepts_with_parameters", AcceptsWithParameters, "refused-rcpt-with-dsn-parameters"),
    *(
        mutant(f"short_{name}", Limited, f"dsn-parameter-sizes[{name}]", parameter=name, size=size - 1)
        for name, size in {"ENVID": 100, "RET": 8, "NOTIFY": 28, "ORCPT": 500}.items()
    ),
    mutant("lines_of_1000", ShortLines, "command-of-1036-octets"),
    mutant("never_reports", M, "reported-as-delivered", reports=lambda _self, _path: False),
    *(
        mutant(f"report_{row}", ReportsOtherwise, f"report-says-delivered[{row}]", old=old, new=new)
        for row, (old, new) in REPORTED.items()
    ),
    mutant("report_body", ReturnsBody, "report-says-delivered[no-body]"),
    mutant("report_xtext", KeepsXtext, "report-says-delivered[envelope]"),
    mutant("invents_envelope", InventsEnvelope, "envelope-id-not-invented"),
    mutant("reports_against_failure", Reports, "not-reported[FAILURE]", notify_is="FAILURE,DELAY"),
    mutant("reports_against_never", Reports, "not-reported[NEVER]", notify_is="NEVER"),
    mutant("reports_unasked", Reports, "not-reported[no-NOTIFY]", notify_is=""),
    mutant("reports_to_nobody", ReportsToNobody, "not-reported[null-path]"),
    mutant("defers_by", DefersBy, "by-cannot-be-honoured"),
    mutant(
        "reports_no_lists",
        M,
        "list-reported",
        reports=lambda self, path: path != LIST and M.reports(self, path),
    ),
    mutant("rrvs_fraction", Fractions, "rrvs-fraction"),
    mutant("judges_postmaster", JudgesPostmaster, "rrvs-of-postmaster"),
]
