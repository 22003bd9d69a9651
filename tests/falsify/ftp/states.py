"""FTP servers that answer everything wrongly in one state."""

from __future__ import annotations

from tests.falsify.ftp.planting import planted
from tests.falsify.harness import Mutant
from tests.models.ftp import FtpModel as M

COMMANDS = (
    "USER|PASS|ACCT|CWD|CDUP|SMNT|REIN|QUIT|PORT|PASV|MODE|TYPE|STRU|ALLO|REST|RNFR|RNTO|DELE|RMD|MKD|PWD|ABOR|SYST|STAT|"
    "HELP|SITE|NOOP"
)


class Intermediate(M):
    """Answers all commands of its state with 390."""

    def confused(self):
        raise NotImplementedError

    def on_line(self, line):
        if self.confused():
            self.say("390 And now?")
        else:
            super().on_line(line)


class BeforeLogin(Intermediate):
    def confused(self):
        return not self.user and not self.logged_in


class AfterUser(Intermediate):
    def confused(self):
        return bool(self.user)


class AfterLogin(Intermediate):
    """In the folder where the cases begin, unless a command of two steps is half done."""

    def confused(self):
        return self.cwd == "/upload" and not self.renaming and not self.restart


class AfterRnfr(Intermediate):
    def confused(self):
        return bool(self.renaming)


class AfterRest(Intermediate):
    def confused(self):
        return bool(self.restart)


class FileAfterRnfr(M):
    """Takes the next command for a second half of RNFR."""

    half_done = False

    def do_RNFR(self, argument):
        super().do_RNFR(argument)
        self.half_done = True

    def transfer(self, *arguments, **named):
        if self.half_done:
            self.say("350 And what about the file?")
        else:
            super().transfer(*arguments, **named)


MUTANTS: list[Mutant] = [
    planted("confused_before_login", f"answered-before-login[{COMMANDS}]", BeforeLogin),
    planted("confused_after_user", f"answered-after-user[{COMMANDS}]", AfterUser),
    planted("confused_after_login", f"answered-after-login[{COMMANDS}]", AfterLogin),
    planted("confused_after_rnfr", f"answered-after-rnfr[{COMMANDS}] rename", AfterRnfr),
    planted("confused_after_rest", f"answered-after-rest[{COMMANDS}]", AfterRest),
    planted("file_after_rnfr", "transfer-after-rnfr[LIST|NLST|RETR]", FileAfterRnfr),
]
