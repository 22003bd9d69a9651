"""The transfer parameters of an FTP session, as far as the server has accepted them (RFC 959, 4.1.2; RFC 4217, 9)."""

from __future__ import annotations

from dataclasses import dataclass, replace

_TEXT = ("A", "E")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What holds for the next transfer.

    type: A, E, I or L; form: N, T or C, of A and E only; byte_size: bits of a logical byte, of L only.
    structure: F, R or P; mode: S, B or C; protection: C (clear) or P (private: TLS), and S and E unused.
    """

    type: str = "A"
    form: str = "N"
    byte_size: int = 8
    structure: str = "F"
    mode: str = "S"
    protection: str = "C"

    @property
    def is_text(self) -> bool:
        """Whether lines have a meaning: ASCII and EBCDIC."""
        return self.type in _TEXT

    def __str__(self) -> str:
        second = {"A": f" {self.form}", "E": f" {self.form}", "L": f" {self.byte_size}"}.get(self.type, "")
        return f"TYPE {self.type}{second}, STRU {self.structure}, MODE {self.mode}"

    def after(self, command: bytes, status: str) -> Parameters:
        """The parameters once a command was answered so. Only a 2yz reply changes anything."""
        verb, *words = command.decode("ascii", "replace").upper().split() or [""]
        if (status == "220" and verb == "REIN") or (status == "234" and verb == "AUTH"):
            return Parameters()
        if not (status.startswith("2") and words):
            return self
        match verb:
            case "TYPE":
                return self._typed(words)
            case "STRU" if words[0] in ("F", "R", "P"):
                return replace(self, structure=words[0])
            case "MODE" if words[0] in ("S", "B", "C"):
                return replace(self, mode=words[0])
            case "PROT" if words[0] in ("C", "S", "E", "P"):
                return replace(self, protection=words[0])
            case _:
                return self

    def _typed(self, words: list[str]) -> Parameters:
        """Without a second parameter the form is Non-print again (RFC 959, 5.3.2)."""
        name, second = words[0], words[1] if len(words) > 1 else ""
        if name in _TEXT:
            return replace(self, type=name, form=second or "N", byte_size=8)
        if name == "L" and second.isdecimal() and 0 < int(second) < 256:
            return replace(self, type=name, form="N", byte_size=int(second))
        return replace(self, type=name, form="N", byte_size=8) if name == "I" else self
