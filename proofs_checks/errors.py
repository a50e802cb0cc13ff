"""Every exception of the package; the command line turns them into one line and exit code 2."""

from __future__ import annotations

from memverify.errors import MemverifyError


class ProofsChecksError(MemverifyError):
    """Base of all named errors here."""


class UnknownStatementError(ProofsChecksError):
    """An id that no statement has; the message names the nearest one."""


class RegistryError(ProofsChecksError):
    """A registry that contradicts itself or the code; the message names the entry."""


class CheckError(ProofsChecksError):
    """A check that proves nothing: no step, or hypotheses that contradict each other."""
