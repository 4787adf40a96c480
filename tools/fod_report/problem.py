"""What goes wrong, said in the form of all fod programs."""

from __future__ import annotations


class Problem(Exception):
    """`problem (why): what to do`; ends the program with exit code 2."""

    def __init__(self, problem: str, why: str, remedy: str) -> None:
        super().__init__(f"{problem} ({why}): {remedy}")


def damaged(path: str, why: str) -> Problem:
    return Problem(f"{path} is damaged", why, "make it again, or restore it from a backup")
