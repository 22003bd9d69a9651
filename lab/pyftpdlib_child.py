"""pyftpdlib as a server of its own, its options at their defaults, with TLS on demand.

Run by path with one argument, a JSON object: port, homes {user: folder}, users {user: password}, both (certificate
and key in one file). Nothing of Plumbline is imported: the interpreter is that of pyftpdlib's own environment.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer


def main(setting: dict[str, Any]) -> None:
    authorizer = DummyAuthorizer()
    for user, password in setting["users"].items():
        authorizer.add_user(user, password, setting["homes"][user], perm="elradfmwMT")
    attributes = {"authorizer": authorizer, "certfile": setting["both"]}
    FTPServer(("127.0.0.1", setting["port"]), type("Handler", (TLS_FTPHandler,), attributes)).serve_forever()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
