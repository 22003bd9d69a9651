"""smtp-server of Nodemailer (npm): smtp_server.js, options at their defaults, mail to maildirs."""

from plumbline.lab import node
from plumbline.lab.bench import Bench
from plumbline.lab.model import Launch, Product, Source


def prepare(bench: Bench) -> Launch:
    mail = node.maildirs(bench)
    return Launch(
        programs=(node.script(bench, "smtp_server.js", mail=str(mail)),),
        facts={"delivered": {"via": "maildir", "path": f"{mail}/alice"}},
        starttls=frozenset({"smtp", "submission", "lmtp"}),
    )


PRODUCT = Product(
    name="nodemailer-smtp-server",
    about="SMTP server library of Nodemailer (npm); needs no root, but Node.js",
    protocols=("smtp", "smtps", "submission", "submissions", "lmtp"),
    source=Source("node", ("smtp-server",)),
    prepare=prepare,
    aliases=("nodemailer", "smtp-server"),
    mail_users=False,
    needs_root=False,
)
