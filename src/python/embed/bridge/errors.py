"""Errors as the program words them, and Python's traceback in one line."""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
import traceback

MOST_FRAMES = 20
MOST_TEXT = 1500
# By these the program knows that a smaller batch may help.
OUT_OF_MEMORY = ("OutOfMemory", "MemoryError", "ResourceExhausted", "RESOURCE_EXHAUSTED",
                 "out of memory", "can't allocate memory", "not enough memory")


class Refusal(Exception):
    """An error in the parts that a user reads: `problem (why): what to do`."""

    def __init__(self, usage: bool, problem: str, why: str = "", remedy: str = "") -> None:
        super().__init__(problem, why, remedy)
        self.usage = usage
        self.problem = problem
        self.why = why
        self.remedy = remedy


def one_line(text: str, limit: int = MOST_TEXT) -> str:
    line = " | ".join(part.strip() for part in text.splitlines() if part.strip())
    return line if len(line) <= limit else line[:limit] + " …"


def name_of_type(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def is_out_of_memory(error: BaseException) -> bool:
    text = f"{name_of_type(type(error))} {error}"
    return any(phrase in text for phrase in OUT_OF_MEMORY)


def is_library(path: str) -> bool:
    """True for Python's own files and for installed packages."""
    places = sysconfig.get_paths()
    return any(path.startswith(places[key] + os.sep) for key in ("stdlib", "purelib", "platlib")) \
        or path.startswith("<frozen ")


def frames_of(error: BaseException) -> list[traceback.FrameSummary]:
    """Outermost first, without those of this bridge."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith("<fod")]


def place(frame: traceback.FrameSummary) -> str:
    return f"{frame.filename}:{frame.lineno} in {frame.name}"


def traceback_of(error: BaseException, with_code: bool) -> str:
    frames = frames_of(error)
    if not frames:
        return ""
    left_out = len(frames) - MOST_FRAMES
    shown = frames if left_out <= 0 else frames[:MOST_FRAMES // 2] + frames[-MOST_FRAMES // 2:]
    words = [place(frame) + (f": {frame.line}" if with_code and frame.line else "")
             for frame in shown]
    if left_out > 0:
        words.insert(MOST_FRAMES // 2, f"… {left_out} frames …")
    own = [frame for frame in frames if not is_library(frame.filename)]
    return f"; at {place((own or frames)[-1])}; traceback: " + " | ".join(words)


def explain(error: BaseException) -> str:
    """Type, text, the innermost frame of the user's, the traceback, and what it was raised from."""
    memory = is_out_of_memory(error)
    text = one_line(str(error))
    words = name_of_type(type(error)) + (f": {text}" if text else "")
    if memory and "out of memory" not in words:
        words += " (out of memory)"
    # Source lines must not make another error look like one of memory.
    trace = traceback_of(error, with_code=True)
    if not memory and any(phrase in trace for phrase in OUT_OF_MEMORY):
        trace = traceback_of(error, with_code=False)
    words += trace
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and not isinstance(cause, Refusal):
        words += f"; raised from {name_of_type(type(cause))}: {one_line(str(cause), 300)}"
    return words


def failure(usage: bool, problem: str, error: BaseException, remedy: str) -> Refusal:
    """The user's exception as an error of the program; a refusal of ours stays what it is."""
    if isinstance(error, Refusal):
        return error
    if os.environ.get("JAX_PLATFORMS") == "tpu" and "backend 'tpu'" in str(error):
        remedy = "start on a machine with a TPU and jax[tpu], or leave --device tpu out"
    return Refusal(usage, problem, explain(error), remedy)


def flush() -> None:
    """What the user's code printed appears now, not at the end."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, OSError):  # the user's code may have closed it
            if stream is not None:
                stream.flush()
