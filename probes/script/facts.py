"""Facts of a profile that suites may name, in `needs` and in `{variables}` (docs/reference/profile.md).

A profile may have keys of its own besides; a case that uses one lists it in its `needs`.
"""

from __future__ import annotations

# What a target passes on to the next hops of the tester, and how.
OF_RELAYING = frozenset(
    {
        "full_hop",
        "plain_hop",
        "dead_hop",
        "loop_hop",
        "unknown_hop",
        "forwarded",
        "full_login",
        "delay_warning",
    }
)
FACTS = OF_RELAYING | frozenset(
    {
        "role",
        "product",
        "domain",
        "client",
        "sender",
        "recipient",
        "second_recipient",
        "unknown_recipient",
        "foreign_recipient",
        "mailing_list",
        "alias",
        "moved_recipient",
        "ambiguous_user",
        "moved_to_utf8",
        "utf8_recipient",
        "failing_recipient",
        "reads_postmaster",
        "one_mailbox",
        "refuses_service",
        "user",
        "password",
        "second_user",
        "second_password",
        "delivered",
        "mailbox",
        "tls",
        "anonymous",
        "directory",
        "writable",
        "ipv4",
        "ipv6",
        "second_address",
        "large_file",
        "large_file_size",
        "idle_timeout",
        "quota_user",
        "quota_password",
        "account_user",
        "account_password",
        "account",
        "virtual_host",
        "second_virtual_host",
        "unavailable_host",
    }
)
# Of a fact that is a mail address: {recipient.local}, {recipient.domain}.
PARTS = ("local", "domain")
# What a profile always has, because we say it of ourselves.
ALWAYS = frozenset({"client", "sender"})
