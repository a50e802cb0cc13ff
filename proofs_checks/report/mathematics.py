"""Texts with LaTeX between dollars, for terminals (Unicode) and for pages (MathML).

A dollar that has no partner, or that follows a backslash, is a dollar.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterator

_DOLLARS = re.compile(r"(?<!\\)\$([^$]+?)(?<!\\)\$")
_CODE = re.compile(r"``([^`]+)``|`([^`]+)`")
_GLUED_BEFORE = re.compile(r"[^\s`]{1,12}$")
_GLUED_AFTER = re.compile(r"[^\s`]{1,12}")


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    r"""Cut a text into plain parts and LaTeX, each with whether it is LaTeX.

    Examples
    --------
    >>> list(pieces(r"for $n \ge 3$ only"))
    [(False, 'for '), (True, 'n \\ge 3'), (False, ' only')]
    """
    place = 0
    for found in _DOLLARS.finditer(text):
        if found.start() > place:
            yield False, text[place : found.start()].replace(r"\$", "$")
        yield True, found[1].strip()
        place = found.end()
    if place < len(text):
        yield False, text[place:].replace(r"\$", "$")


@functools.cache
def unicode_text(text: str) -> str:
    r"""Return the text with its mathematics in Unicode, for terminals.

    Examples
    --------
    >>> unicode_text(r"$\lVert x_i - z\rVert \le \frac{1}{2}\sqrt{n}$ for $N = 2^{n-1}$")
    '‖xᵢ - z‖ ≤ (1/2)√n for N = 2ⁿ⁻¹'
    """
    from .terminal import latex_to_unicode

    return "".join([latex_to_unicode(part) if is_latex else part for is_latex, part in pieces(text)])


@functools.cache
def to_html(text: str) -> str:
    r"""Return the text escaped, with its mathematics as MathML and `code` as such.

    Long formulas come in several pieces, between which a line may break; punctuation that
    touches a formula stays with it.

    Examples
    --------
    >>> to_html("n < 3 for `a`")
    'n &lt; 3 for <code>a</code>'
    """
    from .mathml import latex_to_mathml

    parts = list(pieces(text))
    lead = ""
    out: list[str] = []
    for index, (is_latex, part) in enumerate(parts):
        if not is_latex:
            if index and parts[index - 1][0]:
                glued = _GLUED_AFTER.match(part)
                part = part[glued.end() :] if glued else part
            touching = _GLUED_BEFORE.search(part) if index + 1 < len(parts) else None
            lead = touching[0] if touching else ""
            out.append(_plain(part[: len(part) - len(lead)]))
            continue
        formulas = latex_to_mathml(part)
        after = parts[index + 1][1] if index + 1 < len(parts) and not parts[index + 1][0] else ""
        glued = _GLUED_AFTER.match(after)
        formulas[0] = html.escape(lead) + formulas[0]
        formulas[-1] += html.escape(glued[0]) if glued else ""
        lead = ""
        out.append("<wbr>".join([f'<span class="m">{formula}</span>' for formula in formulas]))
    return "".join(out)


def _plain(text: str) -> str:
    return _CODE.sub(lambda found: f"<code>{found[1] or found[2]}</code>", html.escape(text))
