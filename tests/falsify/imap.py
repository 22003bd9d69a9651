"""IMAP servers with one planted bug each, and the cases that must fail on them."""

from __future__ import annotations

from tests.falsify.harness import Mutant, saying
from tests.models.imap import ImapModel

M = ImapModel


def broken(**members):
    """A mutant made by replacing members of the model."""
    return type("Mutant", (M,), members)


def answering(status, text="done"):
    """A method that completes the command like this, whatever it is asked."""

    def method(self, *_arguments, **_named):
        self.done(status, text)

    return method


def silent(self, *_arguments):
    """A method that says nothing."""


class AcceptsAnyPassword(M):
    def do_LOGIN(self, argument):
        self.logged_in = True
        self.done("OK")


class LoginLeadsNowhere(M):
    def do_LIST(self, argument):
        self.done("BAD", "log in first")


class LogoutStays(M):
    def do_LOGOUT(self, argument):
        self.bye()
        self.done("OK")


class LogoutOnlyBye(M):
    def do_LOGOUT(self, argument):
        self.bye()
        self.line.fin()


class HalfAName(M):
    def listed(self, name):
        self.say(f'* LIST () "/" {name[:-1]}')


class ListsWhatIsNot(M):
    def do_LIST(self, argument):
        self.listed(self.words(argument)[1])
        self.done("OK")


class KeepsDeleted(M):
    def delete(self, name):
        pass


class RenameCopies(M):
    def rename(self, old, new):
        self.store.mailboxes[new] = list(self.store.mailboxes[old])


class RenameLosesMessages(M):
    def rename(self, old, new):
        super().rename(old, new)
        self.store.mailboxes[new].clear()


def lacks(word):
    """A mutant whose SELECT leaves one kind of data out."""

    def mailbox_data(self):
        return [line for line in M.mailbox_data(self) if word not in line]

    return broken(mailbox_data=mailbox_data)


class CountsOneMore(M):
    def exists(self):
        return super().exists() + 1


class SelectMakesMailboxes(M):
    def select(self, name, *, read_only):
        self.store.mailboxes.setdefault(name, [])
        super().select(name, read_only=read_only)


class ExamineWrites(M):
    def sets_seen(self, item):
        return item == "BODY"


class AppendsInFront(M):
    def append(self, name, literal):
        super().append(name, literal)
        if len(self.store.mailboxes[name]) == 3:
            self.store.mailboxes[name].insert(0, self.store.mailboxes[name].pop())


class AppendLosesThird(M):
    def append(self, name, literal):
        if len(self.store.mailboxes[name]) < 2:
            super().append(name, literal)


class AppendMakesMailboxes(M):
    def append_nowhere(self, name):
        self.create(name)
        self.done("OK")


class AsksForNoLiteral(M):
    """Waits for the octets of a LOGIN without asking for them."""

    def go_on(self):
        if self.logged_in:
            super().go_on()


class AllFields(M):
    def fields(self, message, names):
        return message.header


class HeaderWithoutBlankLine(M):
    def header(self, message):
        return message.header[:-2]


class PeekSetsSeen(M):
    def sets_seen(self, item):
        return True


class BodyLeavesUnseen(M):
    def sets_seen(self, item):
        return False


class LfBody(M):
    def whole(self, message):
        return message.octets.replace(b"\r\n", b"\n")


class DropsLastLine(M):
    def whole(self, message):
        return message.octets.rpartition(b"0123456789")[0] or message.octets


class PartialFromTheStart(M):
    def partial(self, octets, start, count):
        return octets[:count]


class PartialOneMore(M):
    """Takes the last octet in, as many ranges do."""

    def partial(self, octets, start, count):
        return octets[start : start + count + 1]


class PartialWithoutOrigin(M):
    def origin(self, start):
        return b""


class PartialOriginZero(M):
    def origin(self, start):
        return b"<0>"


class PartialPads(M):
    def partial(self, octets, start, count):
        return octets[start : start + count].ljust(min(count, 100))


class SizeInLf(M):
    def size(self, message):
        return str(len(message.octets.replace(b"\r\n", b"\n")))


class SearchWholeWords(M):
    def found(self, message, key, text):
        if key == "SUBJECT":
            words = message.field("Subject").lower().split()
            return all(word in words for word in text.split())
        return super().found(message, key, text)


class SearchSkipsBody(M):
    def found(self, message, key, text):
        return key == "SUBJECT" and super().found(message, key, text)


class SearchSilentOnNothing(M):
    def search_result(self, found):
        if found:
            super().search_result(found)


class StoreAddsNothing(M):
    def change_flags(self, message, how, flags):
        if not how.startswith("+"):
            super().change_flags(message, how, flags)


class StoreTakesNothing(M):
    def change_flags(self, message, how, flags):
        if how.startswith("+"):
            super().change_flags(message, how, flags)


class ExpungesNothing(M):
    def to_expunge(self, message):
        return False


class ExpungesAll(M):
    def to_expunge(self, message):
        return True


class SelectsMissing(M):
    def missing_selected(self):
        self.done("OK")


class TextWithoutStar(M):
    def do_NOOP(self, argument):
        self.say("NOTE all is well")
        super().do_NOOP(argument)


class EndsOnLf(M):
    def do_CAPABILITY(self, argument):
        self.line.say(b"* CAPABILITY IMAP4rev1\n")
        self.done("OK")


NAMED: dict[str, type[M]] = {
    "no_greeting": broken(greet=silent),
    "greets_no": broken(greet=saying("* NO not today")),
    "capability_untold": broken(do_CAPABILITY=answering("OK")),
    "capability_other": broken(
        do_CAPABILITY=lambda self, _: (self.say("* CAPABILITY IMAP3"), self.done("OK"))
    ),
    "noop_bad": broken(do_NOOP=answering("BAD")),
    "unknown_ok": broken(unknown=answering("OK")),
    "unknown_no": broken(unknown=answering("NO")),
    "select_before_login": broken(before_login=answering("OK")),
    "login_refused": broken(do_LOGIN=answering("NO")),
    "login_leads_nowhere": LoginLeadsNowhere,
    "accepts_any_password": AcceptsAnyPassword,
    "logout_stays": LogoutStays,
    "logout_without_bye": broken(bye=silent),
    "logout_only_bye": LogoutOnlyBye,
    "no_delimiter": broken(delimiter=silent),
    "half_a_name": HalfAName,
    "lists_nothing": broken(listed=silent),
    "lists_what_is_not": ListsWhatIsNot,
    "create_no": broken(do_CREATE=answering("NO")),
    "creates_nothing": broken(create=silent),
    "creates_twice": broken(exists_already=answering("OK")),
    "delete_no": broken(do_DELETE=answering("NO")),
    "keeps_deleted": KeepsDeleted,
    "deletes_what_is_not": broken(missing=answering("OK")),
    "rename_no": broken(do_RENAME=answering("NO")),
    "rename_copies": RenameCopies,
    "rename_loses_messages": RenameLosesMessages,
    "no_flags": broken(mailbox_data=lambda self: M.mailbox_data(self)[1:]),
    "no_recent": lacks("RECENT"),
    "no_uidvalidity": lacks("UIDVALIDITY"),
    "no_uidnext": lacks("UIDNEXT"),
    "no_permanentflags": lacks("PERMANENTFLAGS"),
    "no_exists": lacks("EXISTS"),
    "counts_one_more": CountsOneMore,
    "select_no": broken(do_SELECT=answering("NO")),
    "select_makes_mailboxes": SelectMakesMailboxes,
    "selects_missing": SelectsMissing,
    "always_read_only": broken(access=lambda self, _: "READ-ONLY"),
    "always_read_write": broken(access=lambda self, _: "READ-WRITE"),
    "examine_writes": ExamineWrites,
    "appends_in_front": AppendsInFront,
    "append_loses_third": AppendLosesThird,
    "append_makes_mailboxes": AppendMakesMailboxes,
    "append_without_trycreate": broken(append_nowhere=answering("NO", "no such mailbox")),
    "asks_for_no_literal": AsksForNoLiteral,
    "all_fields": AllFields,
    "header_without_blank_line": HeaderWithoutBlankLine,
    "peek_sets_seen": PeekSetsSeen,
    "body_leaves_unseen": BodyLeavesUnseen,
    "lf_body": LfBody,
    "drops_last_line": DropsLastLine,
    "partial_from_the_start": PartialFromTheStart,
    "partial_one_more": PartialOneMore,
    "partial_without_origin": PartialWithoutOrigin,
    "partial_origin_zero": PartialOriginZero,
    "partial_pads": PartialPads,
    "size_in_lf": SizeInLf,
    "search_whole_words": SearchWholeWords,
    "search_skips_body": SearchSkipsBody,
    "search_silent_on_nothing": SearchSilentOnNothing,
    "store_adds_nothing": StoreAddsNothing,
    "store_takes_nothing": StoreTakesNothing,
    "store_silent": broken(flags_changed=silent),
    "expunges_nothing": ExpungesNothing,
    "expunges_all": ExpungesAll,
    "expunge_silent": broken(expunged=silent),
    "noop_reports_nothing": broken(report=silent),
    "text_without_star": TextWithoutStar,
    "ends_on_lf": EndsOnLf,
}

MUTANTS = [Mutant(name, service) for name, service in NAMED.items()]
