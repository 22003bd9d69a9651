"""Haraka (npm): its shipped configuration, its plugins tls and auth/flat_file, and one of ours for delivery."""

import json
from pathlib import Path

from plumbline.lab import node
from plumbline.lab.bench import Bench
from plumbline.lab.model import DOMAIN, HOST, HOSTNAME, USERS, Launch, Product, Source

# Shipped besides: mail_from.is_resolvable, which asks DNS, and queue/smtp_forward to another server.
_PLUGINS = ("tls", "auth/flat_file", "lab")
_AUTH = "[core]\nmethods=PLAIN,LOGIN,CRAM-MD5\nconstrain_sender=false\n\n[users]\n"


def prepare(bench: Bench) -> Launch:
    mail = node.maildirs(bench)
    # A copy, as `haraka -i` makes it: without connection.ini every connection ends its worker.
    bench.copy("node_modules/Haraka/config", "haraka/config")
    bench.folder("haraka/queue")
    bench.put("haraka/package.json", '{"name": "lab", "version": "1.0.0", "private": true}\n')
    bench.put("haraka/plugins/lab.js", Path(__file__).with_name("haraka_lab.js").read_text())
    for name, text in _configuration(bench, mail).items():
        bench.put(f"haraka/config/{name}", text)
    program = bench.root / "node_modules/Haraka/bin/haraka"
    return Launch(
        programs=(node.program(str(program), "-c", f"{bench.directory}/haraka"),),
        facts={"delivered": {"via": "maildir", "path": f"{mail}/alice"}},
        starttls=frozenset({"smtp"}),
    )


def _configuration(bench: Bench, mail: Path) -> dict[str, str]:
    listen = ",".join(f"{HOST}:{port}" for port in bench.ports.values())
    return {
        "me": f"{HOSTNAME}\n",
        "plugins": "\n".join(_PLUGINS) + "\n",
        "host_list": f"{DOMAIN}\n",
        "smtp.ini": f"listen={listen}\nsmtps_port={bench.ports['smtps']}\n",
        "tls.ini": f"key={bench.certificate.key}\ncert={bench.certificate.certificate}\n",
        "auth_flat_file.ini": _AUTH + "".join(f"{user}={password}\n" for user, password in USERS.items()),
        "log.ini": "level=info\n",
        "lab.json": json.dumps({"domain": DOMAIN, "users": list(USERS), "mail": str(mail)}),
    }


PRODUCT = Product(
    name="haraka",
    about="SMTP server (npm), mail to maildirs by a plugin of the lab's; needs no root, but Node.js",
    protocols=("smtp", "smtps"),
    source=Source("node", ("Haraka",)),
    prepare=prepare,
    mail_users=False,
    needs_root=False,
)
