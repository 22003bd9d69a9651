"""POP3 servers with one planted bug each, and the cases that must fail on them."""

from __future__ import annotations

from tests.falsify.harness import Mutant, saying
from tests.models.pop3 import Pop3Model

M = Pop3Model


def broken(**members):
    """A mutant made by replacing members of the model."""
    return type("Mutant", (M,), members)


class AcceptsAnyPassword(M):
    def do_PASS(self, argument):
        if self.user:
            self.log_in()
        else:
            super().do_PASS(argument)


class LoginLeadsNowhere(M):
    """Answers the first STAT of a session as if nobody had logged in."""

    def do_STAT(self, argument):
        self.err("log in first")


class PassAlone(M):
    def do_PASS(self, argument):
        self.user = self.user or "alice"
        super().do_PASS(argument)


class OpenBeforeLogin(M):
    verb = ""

    def before_login(self, verb):
        if verb == self.verb == "STAT":
            self.ok("0 0")
        elif verb == self.verb == "DELE":
            self.ok()
        elif verb == self.verb:
            self.body(b"")
        else:
            super().before_login(verb)


class QuitStays(M):
    def do_QUIT(self, argument):
        if self.messages is None:
            self.ok("bye")
        else:
            super().do_QUIT(argument)


class QuitStaysAfterLogin(M):
    def do_QUIT(self, argument):
        if self.messages is None:
            super().do_QUIT(argument)
        else:
            self.update()
            self.ok("bye")


class ExtraSpaceInStat(M):
    def stat(self, count, size):
        return f"{count}  {size}"


class ListForgetsLast(M):
    def listing(self, argument, what):
        if what == "LIST" and not argument:
            lines = [f"{number} {self.size(message)}\r\n" for number, message in self.present()[:-1]]
            self.body("".join(lines).encode())
        else:
            super().listing(argument, what)


class ListBeginsAtZero(M):
    def listing(self, argument, what):
        if what == "LIST" and not argument:
            lines = [f"{number - 1} {self.size(message)}\r\n" for number, message in self.present()]
            self.body("".join(lines).encode())
        else:
            super().listing(argument, what)


class ListOfOneWithoutNumber(M):
    def listing(self, argument, what):
        message = self.message(argument)
        if what == "LIST" and message:
            self.ok(self.size(message))
        else:
            super().listing(argument, what)


class UidlOfOneWithoutNumber(M):
    def listing(self, argument, what):
        message = self.message(argument)
        if what == "UIDL" and message:
            self.ok(self.unique_id(message))
        else:
            super().listing(argument, what)


class ListKnowsAll(M):
    def listing(self, argument, what):
        if argument and self.message(argument) is None:
            self.ok(f"{argument} 0")
        else:
            super().listing(argument, what)


class RetrKnowsAll(M):
    def do_RETR(self, argument):
        if int(argument) > 1000:
            self.body(b"")
        else:
            super().do_RETR(argument)


class DeleKnowsAll(M):
    def do_DELE(self, argument):
        if int(argument) > 1000:
            self.ok()
        else:
            super().do_DELE(argument)


class LosesLines(M):
    def retrieved(self, message):
        return message.octets.replace(b"first line\r\n", b"")


class ChangesHeader(M):
    def retrieved(self, message):
        return message.octets.replace(b"From:", b"X-From:")


class NoStuffing(M):
    """The first lone dot of a message ends it."""

    def stuffed(self, octets):
        return octets


class StuffsTwice(M):
    def stuffed(self, octets):
        return super().stuffed(super().stuffed(octets))


class StuffsButSingleDots(M):
    """Doubles a dot only where the line would be the end."""

    def stuffed(self, octets):
        return octets.replace(b"\r\n.\r\n", b"\r\n..\r\n").replace(b"\r\n..two", b"\r\n...two")


class TopOneMore(M):
    def top(self, message, count):
        return super().top(message, count + 1)


class TopAtLeastOne(M):
    def top(self, message, count):
        return super().top(message, max(count, 1))


class TopHeaderOnly(M):
    def top(self, message, count):
        return message.header


class LongIds(M):
    def unique_id(self, message):
        return super().unique_id(message).rjust(71, "x")


class IdsWithSpace(M):
    def unique_id(self, message):
        return f"uid {message.uid}"


class SameIds(M):
    def unique_id(self, message):
        return "uid"


class IdsOfTheSession(M):
    sessions = 0

    def log_in(self):
        type(self).sessions += 1
        super().log_in()

    def unique_id(self, message):
        return f"uid{self.sessions}-{message.uid}"


class RetrievesDeleted(M):
    def do_RETR(self, argument):
        marked, self.marked = self.marked, set()
        super().do_RETR(argument)
        self.marked = marked


class DeletesTwice(M):
    def do_DELE(self, argument):
        self.marked.discard(int(argument))
        super().do_DELE(argument)


class ListsDeleted(M):
    def present(self):
        return list(enumerate(self.messages, 1))


class RsetDoesNothing(M):
    do_RSET = saying("+OK")


class RetrDeletes(M):
    """What was read is gone at QUIT: delete mode for all."""

    def do_RETR(self, argument):
        super().do_RETR(argument)
        if self.message(argument):
            self.read = int(argument)

    read = 0

    def update(self):
        self.marked |= {self.read}
        super().update()


class QuitRemovesAll(M):
    def update(self):
        if self.marked:
            self.marked = set(range(1, len(self.messages) + 1))
        super().update()


class QuitRemovesNothing(M):
    def update(self):
        pass


class DropRemoves(M):
    def ended(self):
        if self.messages is not None and self.line.server_open:
            self.update()
        super().ended()


class HangsUpOnErrors(M):
    def err(self, text):
        self.line.fin()


class SaysInLowerCase(M):
    def do_NOOP(self, argument):
        self.say("+ok")


class SaysOkWithoutPlus(M):
    def do_NOOP(self, argument):
        self.say("OK")


class EndsOnLf(M):
    def do_NOOP(self, argument):
        self.line.say(b"+OK\n")


class LfInBody(M):
    def top(self, message, count):
        return super().top(message, count).replace(b"\r\nFrom", b"\nFrom")


class LongLine(M):
    def do_NOOP(self, argument):
        self.ok("x" * 600)


NAMED: dict[str, type[M]] = {
    "no_greeting": broken(greet=lambda self: None),
    "greets_err": broken(greet=saying("-ERR go away")),
    "accepts_any_password": AcceptsAnyPassword,
    "refuses_login": broken(log_in=saying("-ERR not today")),
    "login_leads_nowhere": LoginLeadsNowhere,
    "pass_alone": PassAlone,
    "stat_before_login": type("Mutant", (OpenBeforeLogin,), {"verb": "STAT"}),
    "list_before_login": type("Mutant", (OpenBeforeLogin,), {"verb": "LIST"}),
    "retr_before_login": type("Mutant", (OpenBeforeLogin,), {"verb": "RETR"}),
    "dele_before_login": type("Mutant", (OpenBeforeLogin,), {"verb": "DELE"}),
    "login_twice": broken(after_login=saying("+OK again")),
    "unknown_ok": broken(unknown=saying("+OK whatever")),
    "quit_stays_before_login": QuitStays,
    "quit_stays_after_login": QuitStaysAfterLogin,
    "quit_err": broken(do_QUIT=saying("-ERR stay")),
    "extra_space_in_stat": ExtraSpaceInStat,
    "list_forgets_last": ListForgetsLast,
    "list_begins_at_zero": ListBeginsAtZero,
    "list_of_one_without_number": ListOfOneWithoutNumber,
    "uidl_of_one_without_number": UidlOfOneWithoutNumber,
    "list_knows_all": ListKnowsAll,
    "retr_knows_all": RetrKnowsAll,
    "dele_knows_all": DeleKnowsAll,
    "loses_lines": LosesLines,
    "changes_header": ChangesHeader,
    "no_stuffing": NoStuffing,
    "stuffs_twice": StuffsTwice,
    "stuffs_but_single_dots": StuffsButSingleDots,
    "top_one_more": TopOneMore,
    "top_at_least_one": TopAtLeastOne,
    "top_header_only": TopHeaderOnly,
    "long_ids": LongIds,
    "ids_with_space": IdsWithSpace,
    "same_ids": SameIds,
    "ids_of_the_session": IdsOfTheSession,
    "retrieves_deleted": RetrievesDeleted,
    "deletes_twice": DeletesTwice,
    "lists_deleted": ListsDeleted,
    "dele_err": broken(do_DELE=saying("-ERR no")),
    "rset_does_nothing": RsetDoesNothing,
    "rset_err": broken(do_RSET=saying("-ERR no")),
    "noop_err": broken(do_NOOP=saying("-ERR no")),
    "retr_deletes": RetrDeletes,
    "quit_removes_all": QuitRemovesAll,
    "quit_removes_nothing": QuitRemovesNothing,
    "drop_removes": DropRemoves,
    "hangs_up_on_errors": HangsUpOnErrors,
    "says_in_lower_case": SaysInLowerCase,
    "says_ok_without_plus": SaysOkWithoutPlus,
    "ends_on_lf": EndsOnLf,
    "lf_in_body": LfInBody,
    "long_line": LongLine,
}

MUTANTS = [Mutant(name, service) for name, service in NAMED.items()]
