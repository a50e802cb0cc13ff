"""What surrounds an execution: a clock, a limit of memory, and a watch over what a file may not cause."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

SECONDS = 5.0
"""A reader that takes longer for a file of some kilobytes hangs."""
MEMORY = 3 << 30
"""Address space beyond what the process has at the start."""
GROWTH = 400 << 20
"""Resident memory that one small file may cost."""

_FORBIDDEN = (
    "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "os.remove", "os.rename", "os.mkdir",
    "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod", "os.kill", "subprocess.Popen",
    "socket.connect", "socket.getaddrinfo", "pickle.find_class", "shutil.rmtree", "shutil.move",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class HangError(BaseException):
    """The clock rang; no handler of a reader's may catch it."""


class Watch:
    """Records what Python's audit events tell of an execution; made once, since hooks stay."""

    def __init__(self) -> None:
        self.armed = False
        self.folder = ""
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & _WRITING and not isinstance(path, int)
            if writes and not str(path).startswith(self.folder):
                self.seen.append(f"opened {path!r} for writing")
        elif event == "exec":
            name = getattr(arguments[0], "co_filename", "")
            if not os.path.exists(name) and not name.startswith("<frozen") and not _importing():
                self.seen.append(f"executed code named {name!r}")
        elif event == "os.truncate" and isinstance(arguments[0], int):
            return  # a journal that was cut short, through its own file
        elif event in _FORBIDDEN:
            self.seen.append(f"{event} {arguments!r:.200}")


def _importing() -> bool:
    """Whether a module is being imported, which runs code of its own, such as that of dataclasses."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


_WATCH: list[Watch] = []


def watch() -> Watch:
    """Return the one watch of this process."""
    if not _WATCH:
        _WATCH.append(Watch())
    return _WATCH[0]


@contextlib.contextmanager
def limits(memory: int = MEMORY) -> Iterator[None]:
    """Limit memory and set the clock's handler; both are as before afterwards."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise HangError

    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = now + memory if hard == resource.RLIM_INFINITY else min(hard, now + memory)
    before = signal.signal(signal.SIGALRM, ring)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    written = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = written
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGALRM, before)


def execute(
    function: Callable[[], Any], folder: Path, refused: tuple[type[BaseException], ...]
) -> tuple[bool, str, str]:
    """Run a reader once.

    Returns
    -------
    accepted : bool
    message : str
        Of the refusal.
    finding : str
        What went wrong, or "".
    """
    hook, accepted, message, finding = watch(), False, "", ""
    names = set(os.listdir(folder))
    hook.folder, hook.seen = str(folder), []
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    hook.armed = True
    try:
        try:
            function()
            accepted = True
        finally:
            hook.armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
    except refused as error:
        message = str(error)
        if "\n" in message or len(message) > 2000:
            finding = f"a message of {len(message)} characters in {message.count(chr(10)) + 1} lines"
        elif "memory" in message.split(":")[-1]:
            finding = f"out of memory: {message}"
    except HangError:
        finding = f"no answer after {SECONDS} seconds"
    except (Exception, RecursionError) as error:
        finding = _described(error)
    if not finding and hook.seen:
        finding = f"forbidden: {hook.seen[0]}"
    if not finding and set(os.listdir(folder)) != names:
        finding = f"made the files {sorted(set(os.listdir(folder)) - names)}"
    if not finding and time.monotonic() - start > SECONDS:
        finding = f"took {time.monotonic() - start:.1f} seconds"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) << 10
    if not finding and grown > GROWTH:
        finding = f"cost {grown >> 20} MB of memory"
    return accepted, message, finding


def _described(error: BaseException) -> str:
    """Return type, place in the project, and text of an exception."""
    place, step = "", error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if f"{os.sep}memverify{os.sep}" in name or not place:
            place = f"{Path(name).name}:{step.tb_lineno}"
        step = step.tb_next
    return f"{type(error).__name__} at {place}: {' '.join(str(error).split())[:160]}"
