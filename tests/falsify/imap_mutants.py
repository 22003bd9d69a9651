"""IMAP servers with one planted bug each, and the cases that must fail on them."""

from __future__ import annotations

from tests.falsify.harness import saying
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


MUTANTS = {
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

# Mutant -> the cases that must fail on it, and no others.
RED: dict[str, set[str]] = {
    "no_greeting": {"greeting"},
    "greets_no": {"greeting"},
    "capability_untold": {"capability", "capability-rev1"},
    "capability_other": {"capability-rev1"},
    "noop_bad": {"noop", "noop-reports"},
    "unknown_ok": {"unknown-command"},
    "unknown_no": {"unknown-command"},
    "select_before_login": {"select-before-login"},
    "login_refused": {"literal-continuation", "login"},
    "login_leads_nowhere": {"delete", "list-delimiter", "list-name", "list-no-match", "login", "rename"},
    "accepts_any_password": {"login-wrong-password"},
    "logout_stays": {"logout"},
    "logout_without_bye": {"logout"},
    "logout_only_bye": {"logout"},
    "no_delimiter": {"list-delimiter"},
    "half_a_name": {"list-name"},
    "lists_nothing": {"list-name"},
    "lists_what_is_not": {"delete", "list-no-match", "rename"},
    "create_no": {"create"},
    "creates_nothing": {"create", "create-existing", "delete", "list-name", "select-read-write"},
    "creates_twice": {"create-existing"},
    "delete_no": {"delete"},
    "keeps_deleted": {"delete"},
    "deletes_what_is_not": {"delete-missing", "select-missing"},
    "rename_no": {"rename"},
    "rename_copies": {"rename"},
    "rename_loses_messages": {"rename"},
    "no_flags": {"select-data"},
    "no_recent": {"select-data"},
    "no_uidvalidity": {"select-data"},
    "no_uidnext": {"select-data"},
    "no_permanentflags": {"select-data"},
    "no_exists": {"append", "create", "rename", "select-data", "select-exists"},
    "counts_one_more": {"append", "create", "rename", "select-exists"},
    "select_no": {
        "append",
        "create",
        "examine-changes-nothing",
        "rename",
        "select-data",
        "select-exists",
        "select-read-write",
    },
    "select_makes_mailboxes": {"select-missing"},
    "selects_missing": {"select-missing"},
    "always_read_only": {"select-read-write"},
    "always_read_write": {"examine-read-only"},
    "examine_writes": {"examine-changes-nothing"},
    "appends_in_front": {"append"},
    "append_loses_third": {"append", "noop-reports"},
    "append_makes_mailboxes": {"append-trycreate"},
    "append_without_trycreate": {"append-trycreate"},
    "asks_for_no_literal": {"literal-continuation"},
    "all_fields": {"fetch-header-fields"},
    "header_without_blank_line": {"fetch-header-before-download"},
    "peek_sets_seen": {"examine-changes-nothing", "fetch-header-before-download"},
    "body_leaves_unseen": {"fetch-sets-seen"},
    "lf_body": {"append", "fetch-whole", "size-exact"},
    "drops_last_line": {"fetch-whole", "size-exact"},
    "partial_from_the_start": {"fetch-partial", "fetch-partial-truncated"},
    "partial_one_more": {"fetch-partial"},
    "partial_without_origin": {"fetch-partial-origin"},
    "partial_origin_zero": {"fetch-partial-origin"},
    "partial_pads": {"fetch-partial-truncated"},
    "size_in_lf": {"size-exact"},
    "search_whole_words": {"search-subject"},
    "search_skips_body": {"search-content"},
    "search_silent_on_nothing": {"search-nothing"},
    "store_adds_nothing": {"expunge", "expunge-only-deleted", "store-answers", "store-flags"},
    "store_takes_nothing": {"store-flags"},
    "store_silent": {"store-answers"},
    "expunges_nothing": {"expunge", "expunge-only-deleted"},
    "expunges_all": {"expunge-only-deleted"},
    "expunge_silent": {"expunge"},
    "noop_reports_nothing": {"noop-reports"},
    "text_without_star": {"noop", "noop-reports", "replies-form"},
    "ends_on_lf": {"replies-end-in-crlf"},
}
