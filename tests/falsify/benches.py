"""One bench per protocol: its models, its mutants, and the facts that the cases need."""

from __future__ import annotations

from tests.falsify import ftp, imap, lmtp, pop3, smtp, submission
from tests.falsify.ftp.planting import FACTS as FTP_FACTS
from tests.falsify.harness import Bench, gather
from tests.models.ftp import FtpModel
from tests.models.ftpconfigured import Insisting, ShortIdle
from tests.models.ftpforeign import FOREIGN as FOREIGN_FTP
from tests.models.imap import ImapModel
from tests.models.lmtp import Lmtp, LmtpAuth, LmtpAuthInClear, LmtpChunking, LmtpInternational
from tests.models.pop3 import Pop3Model
from tests.models.smtp import BareModel, SmtpModel
from tests.models.smtp_auth import Auth, AuthInClear, AuthUnderTls, Coded
from tests.models.smtp_chunking import Chunking
from tests.models.smtp_dsn import Parameters
from tests.models.smtp_enhanced import International, InternationalDsn
from tests.models.smtp_etrn import Etrn
from tests.models.smtp_foreign import FOREIGN as FOREIGN_SMTP
from tests.models.smtp_kinds import Generous, Plain
from tests.models.smtp_refusing import NoMail, NoService
from tests.models.smtp_relay import Converting, Relay, RelayingSubmission, SecureRelay
from tests.models.smtp_submission import PlainSubmission, SubmissionInClear, SubmissionModel, Submissions
from tests.models.smtp_tls import ImplicitTls, RequireTls
from tests.models.store import PASSWORD, USER

MAIL_FACTS = {
    "domain": "example.test",
    "recipient": "alice@example.test",
    "recipient.local": "alice",
    "recipient.domain": "example.test",
    "second_recipient": "bob@example.test",
    "unknown_recipient": "nobody@example.test",
    "unknown_recipient.local": "nobody",
    "unknown_recipient.domain": "example.test",
    "foreign_recipient": "someone@elsewhere.example",
    "foreign_recipient.local": "someone",
    "foreign_recipient.domain": "elsewhere.example",
    "mailing_list": "staff",
    "alias": "office@example.test",
    "moved_recipient": "moved@example.test",
    "ambiguous_user": "smith",
    "reads_postmaster": "yes",
    "sender": "probe@client.test",
    "client": "client.test",
    "delivered": "maildir",
    "full_hop": "full.relay.test",
    "plain_hop": "plain.relay.test",
    "dead_hop": "dead.relay.test",
    "loop_hop": "loop.relay.test",
    "unknown_hop": "unknown.relay.test",
    "forwarded": "away@example.test",
    "full_login": "yes",
    "delay_warning": "yes",
    "role": "mx",
    "user": USER,
    "password": PASSWORD,
    "second_user": "bob",
}
STORE_FACTS = {"user": USER, "password": PASSWORD, "sender": "probe@client.test", "client": "client.test"}

BENCHES = {
    bench.protocol: bench
    for bench in (
        Bench(
            "smtp",
            (
                *(
                    SmtpModel,
                    BareModel,
                    Chunking,
                    Parameters,
                    International,
                    InternationalDsn,
                    Generous,
                    Plain,
                ),
                *(
                    Auth,
                    AuthInClear,
                    AuthUnderTls,
                    Coded,
                    ImplicitTls,
                    RequireTls,
                    Etrn,
                    NoService,
                    NoMail,
                    Relay,
                    Converting,
                    SecureRelay,
                ),
            ),
            gather(smtp),
            MAIL_FACTS,
            misses=frozenset({"8bitmime-offered", "burl-not-on-smtp"}),
            mailbox={"via": "maildir", "path": "/mail"},
            foreign=FOREIGN_SMTP["smtp"],
        ),
        Bench(
            "lmtp",
            (Lmtp, LmtpChunking, LmtpInternational, LmtpAuth, LmtpAuthInClear),
            gather(lmtp),
            MAIL_FACTS,
            mailbox={"via": "maildir", "path": "/mail"},
            foreign=FOREIGN_SMTP["lmtp"],
            borrowed=lmtp.borrowed(gather(smtp)),
        ),
        Bench(
            "submission",
            (SubmissionModel, SubmissionInClear, PlainSubmission, Submissions, RelayingSubmission),
            gather(submission),
            {**MAIL_FACTS, "role": "submission"},
            mailbox={"via": "maildir", "path": "/mail"},
            foreign=FOREIGN_SMTP["submission"],
            borrowed=submission.borrowed(gather(smtp)),
        ),
        Bench("ftp", (FtpModel, Insisting, ShortIdle), gather(ftp), FTP_FACTS, foreign=FOREIGN_FTP),
        Bench("pop3", (Pop3Model,), tuple(pop3.MUTANTS), STORE_FACTS, companions={"imap": ImapModel}),
        Bench("imap", (ImapModel,), tuple(imap.MUTANTS), STORE_FACTS),
    )
}
