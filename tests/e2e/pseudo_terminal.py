"""Programs on a terminal of their own."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading

END = b"\0the end\0"


def shown(command, deadline: float, columns: int = 80, streams=("stdout",),
          **options) -> tuple[int, str]:
    """Runs a command with these streams on a terminal of so many columns and the others away;
    its exit code and all that the terminal showed.

    The last holder of a terminal takes what was not yet read with it, now and then; therefore we
    hold it too, and write the end ourselves when the program is gone.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {name: theirs if name in streams else subprocess.DEVNULL
             for name in ("stdin", "stdout", "stderr")}
    process = subprocess.Popen([*map(str, command)], **given, **options)

    def wait():
        try:
            process.wait(deadline)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.write(theirs, END)

    waiting = threading.Thread(target=wait)
    waiting.start()
    text = b""
    while not text.endswith(END):
        text += os.read(ours, 65536)
    waiting.join()
    os.close(ours)
    os.close(theirs)
    return process.returncode, text[:-len(END)].decode().replace("\r\n", "\n")
