"""What extensions ask of a relay: DSN, 8BITMIME, SMTPUTF8, DELIVERBY, RRVS, ETRN."""

from __future__ import annotations

import re

from tests.falsify.harness import Mutant, mutant, rows
from tests.models.smtp_dsn import Parameters
from tests.models.smtp_relay import Converting, Relay, SecureRelay

M = Relay


def without(name: str) -> object:
    """A method that leaves a parameter out."""

    def parameters(self, thing, offered):
        kept = (M.mail_parameters if hasattr(thing, "octets") else M.rcpt_parameters)(self, thing, offered)
        return tuple(word for word in kept if word[0] != name)

    return parameters


def changed(name: str, change) -> object:
    """A method that changes a parameter's value."""

    def parameters(self, thing, offered):
        kept = (M.mail_parameters if hasattr(thing, "octets") else M.rcpt_parameters)(self, thing, offered)
        return tuple((word, change(value) if word == name else value) for word, value in kept)

    return parameters


def invented(name: str, value: str) -> object:
    def parameters(self, thing, offered):
        kept = (M.mail_parameters if hasattr(thing, "octets") else M.rcpt_parameters)(self, thing, offered)
        return kept if name in dict(kept) or "DSN" not in offered else (*kept, (name, value))

    return parameters


class EverythingGoesOn(M):
    """Passes parameters on whatever the next hop offers."""

    def mail_parameters(self, mail, offered):
        return super().mail_parameters(mail, offered + " DSN ")

    def rcpt_parameters(self, rcpt, offered):
        return super().rcpt_parameters(rcpt, offered + " DSN ")


class OverTheSameConnection(M):
    """Turns the connection round when ETRN is given."""

    def start(self, argument):
        super().start(argument)
        self.say(f"MAIL FROM:<> BY {self.host}")


def fit(what: str) -> object:
    """A method that does not ask whether the next hop offers something."""
    return lambda self, mail, offered: M.unfit(self, mail, f"{offered} {what} ")


def by_field(self, mail, offered):
    """A field TLS-Required counts more than the parameter."""
    no = b"\r\nTLS-Required: No" in mail.octets
    return M.unfit(self, mail, f"{offered} REQUIRETLS " if no else offered)


def silent_about(action: str) -> object:
    return lambda self, fate: fate.action != action and M.is_wanted(self, fate)


def told(pattern: str, instead: str) -> object:
    return lambda self, fate: re.sub(pattern, instead, M.fields_of(self, fate))


def requiring_tls(base: type[Relay]) -> list[Mutant]:
    """What can be wrong with REQUIRETLS (RFC 8689), in a relay that has it."""

    def body(_self, mail):
        return "\n\n" + mail.octets.partition(b"\r\n\r\n")[2].decode().replace("\r\n", "\n")

    stem = "requiretls-not-relayed"
    return [
        mutant(
            "requiretls_forgotten",
            base,
            *rows(f"{stem}[fails|field-ignored|header-only]"),
            unfit=fit("REQUIRETLS"),
        ),
        mutant("requiretls_5_7_1", base, f"{stem}[fails]", fields_of=told(r"5\.7\.30", "5.7.1")),
        mutant("field_wins", base, f"{stem}[field-ignored]", unfit=by_field),
        mutant("body_comes_back", base, f"{stem}[header-only]", body_of=body),
    ]


MUTANTS: list[Mutant] = [
    # DSN
    mutant("envid_stays", M, "dsn-parameter-goes-on[ENVID]", mail_parameters=without("ENVID")),
    mutant(
        "envid_decoded",
        M,
        "dsn-parameter-goes-on[ENVID]",
        mail_parameters=changed("ENVID", lambda value: value.replace("+2B", "+").replace("+3D", "=")),
    ),
    mutant(
        "ret_full", M, "dsn-parameter-goes-on[RET]", mail_parameters=changed("RET", lambda _value: "FULL")
    ),
    mutant(
        "notify_stays",
        M,
        "dsn-parameter-goes-on[NOTIFY]",
        "dsn-notify-never-goes-on",
        rcpt_parameters=without("NOTIFY"),
    ),
    mutant(
        "orcpt_small_letters",
        M,
        "dsn-parameter-goes-on[ORCPT]",
        rcpt_parameters=changed("ORCPT", lambda value: value.lower()),
    ),
    mutant("envid_invented", M, "dsn-parameter-not-invented[ENVID]", mail_parameters=invented("ENVID", "1")),
    mutant("ret_invented", M, "dsn-parameter-not-invented[RET]", mail_parameters=invented("RET", "HDRS")),
    mutant(
        "notify_invented",
        M,
        "dsn-parameter-not-invented[NOTIFY]",
        rcpt_parameters=invented("NOTIFY", "FAILURE"),
    ),
    mutant("dsn_goes_on", EverythingGoesOn, "dsn-parameters-do-not-go-on"),
    mutant("relayed_unsaid", M, "dsn-reported-as-relayed", is_wanted=silent_about("relayed")),
    mutant("relayed_as_delivered", M, "dsn-reported-as-relayed", fields_of=told("relayed", "delivered")),
    mutant(
        "failure_unsaid",
        M,
        "dsn-failure-reported[FAILURE]",
        is_wanted=lambda self, fate: not fate.rcpt.word("NOTIFY") and M.is_wanted(self, fate),
    ),
    mutant(
        "failure_unsaid_without_notify",
        M,
        "dsn-failure-reported[no-NOTIFY]",
        is_wanted=lambda self, fate: bool(fate.rcpt.word("NOTIFY")) and M.is_wanted(self, fate),
    ),
    mutant(
        "failure_always_said",
        M,
        *rows("dsn-failure-not-reported[NEVER|SUCCESS|DELAY]"),
        is_wanted=lambda self, fate: fate.action == "failed" or M.is_wanted(self, fate),
    ),
    mutant("no_remote_mta", M, "dsn-failure-at-the-next-hop[remote-mta]", fields_of=told("\nRemote.*", "")),
    mutant(
        "no_diagnostic",
        M,
        "dsn-failure-at-the-next-hop[diagnostic-code]",
        fields_of=told("\nDiagnostic.*", ""),
    ),
    # other extensions
    mutant("just_sends_8", M, "relay-no-8-bits[not-sent]", body_unfit=lambda _self, _mail, _offered: ""),
    mutant(
        "strips_to_7",
        Converting,
        "relay-no-8-bits[converted]",
        quoted=lambda _self, body: bytes(octet & 0x7F for octet in body),
    ),
    mutant("utf8_goes_on", M, "relay-no-smtputf8", unfit=fit("SMTPUTF8 8BITMIME")),
    mutant("time_stands_still", M, "deliverby-time-left", mail_parameters=without("BY")),
    mutant("mode_lost", M, "deliverby-time-left", time_left=lambda _self, _mail, value: value[:-1] + "R"),
    mutant("return_goes_on", M, "deliverby-return-not-relayed", unfit=fit("DELIVERBY")),
    mutant(
        "always_delayed", M, "deliverby-over[return]", fields_of=told("Action: failed", "Action: delayed")
    ),
    mutant("never_delayed", M, "deliverby-over[notify]", fields_of=told("Action: delayed", "Action: failed")),
    mutant("rrvs_goes_on", M, "rrvs-reject-not-relayed", unfit=fit("RRVS")),
    mutant(
        "rrvs_without_action",
        M,
        *rows("rrvs-action-goes-on[continue|reject]"),
        rcpt_parameters=changed("RRVS", lambda value: value.partition(";")[0]),
    ),
    mutant(
        "no_delay_asked",
        M,
        "dsn-delay-not-reported",
        is_wanted=lambda self, fate: fate.action == "delayed" or M.is_wanted(self, fate),
    ),
    mutant("least_time_unheeded", Parameters, "by-below-the-least-time", by_refused=lambda _self, _value: ""),
    mutant(
        "login_unsaid",
        SecureRelay,
        *rows("auth-nobody-goes-on[no-parameter|parameter]"),
        author=lambda _self, _mail: "relay@example.test",
    ),
    mutant(
        "whoever_is_named",
        SecureRelay,
        "auth-nobody-goes-on[parameter]",
        author=lambda _self, mail: mail.word("AUTH") or "<>",
    ),
    *requiring_tls(SecureRelay),
    mutant("turns", OverTheSameConnection, "etrn-over-another-connection"),
]
