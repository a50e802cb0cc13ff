"""What the terminal shows: progress on stderr, aligned pairs, and very long numbers cut short."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from .rational import Rational, format_number

_LONGEST = 40


class Progress:
    """A progress bar on stderr while the block runs; silent where stderr is no terminal."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` steps are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)


def big_number(value: Rational) -> str:
    """Write a rational for reading: exact if short, else its size and a rounded value.

    Examples
    --------
    >>> from memverify.rational import as_rational
    >>> big_number(as_rational("1/16"))
    '1/16'
    >>> big_number(as_rational(10) ** 50 / 7)
    'about 1.42857e+49 (167 over 3 bits, exact with --json)'
    """
    text = format_number(value)
    if len(text) <= _LONGEST:
        return text
    import gmpy2

    with gmpy2.context(precision=53):
        rounded = f"{gmpy2.mpfr(value):.5e}"
    bits = f"{value.numerator.bit_length()} over {value.denominator.bit_length()} bits"
    return f"about {rounded} ({bits}, exact with --json)"


def print_pairs(pairs: dict[str, Any]) -> None:
    """Print names and values in two columns."""
    width = max(len(name) for name in pairs)
    for name, value in pairs.items():
        if isinstance(value, int) and not isinstance(value, bool):
            shown = f"{value:,}"
        elif isinstance(value, float):
            shown = f"{value:.6g}"
        else:
            shown = (
                str(value)
                if len(str(value)) <= 70
                else f"{str(value)[:60]}... ({len(str(value))} characters)"
            )
        print(f"{name:<{width}}  {shown}")


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Print rows under their column names; the first column to the left, others to the right."""
    widths = [max(len(name), *(len(row[k]) for row in rows), 0) for k, name in enumerate(columns)]
    for line in (columns, *rows):
        first, *others = (
            f"{text:<{w}}" if k == 0 else f"{text:>{w}}"
            for k, (text, w) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join((first, *others)).rstrip())
