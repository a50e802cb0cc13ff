"""LaTeX as MathML: latex2mathml's output, mended for browsers that implement MathML Core.

Core has no line breaks inside a formula, so a long formula becomes several; it has no
``mathvariant`` but "normal", so letters of other alphabets are written as such.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from html import escape, unescape
from xml.etree.ElementTree import Element

_OPEN, _CLOSE = "([{⌊⌈⟨", ")]}⌋⌉⟩"
_BARS = "‖|"
_RELATIONS = "=<>≤≥≠∈∉→↦⇒⇔⟹⟺≈≡⊂⊆⊃⊇⩽⩾≪≫:\N{TILDE OPERATOR}\N{DIVIDES}"
_BINARY = "+±∩∧·∘\N{MINUS SIGN}\N{UNION}\N{LOGICAL OR}\N{MULTIPLICATION SIGN}\N{SET MINUS}"
_HIGH = ("mfrac", "msqrt", "mroot", "munderover", "mover", "mtable")
_ATTRIBUTES = {
    *("stretchy", "fence", "form", "minsize", "maxsize", "lspace", "rspace", "accent"),
    *("width", "linethickness", "mathvariant", "displaystyle", "scriptlevel"),
}
"""Others, such as links and styles, are dropped."""
_LETTERS = "∞∅∂∇⊥\N{DOWN TACK}"
_GREEK_CAPITALS = "ΓΔΘΛΞΠΣΦΨΩ"
_THIN = "0.1667em"
_SHORT = 16
"""Formulas of so few characters are not cut; neither are ends shorter than a third of it."""

_ALPHABETS = {
    "bold": (0x1D400, 0x1D41A, 0x1D7CE),
    "sans-serif": (0x1D5A0, 0x1D5BA, 0x1D7E2),
    "monospace": (0x1D670, 0x1D68A, 0x1D7F6),
}
_NOT = re.compile(r"\\not\s*(=|\\in\b)")


def latex_to_mathml(latex: str) -> list[str]:
    r"""Return the formula as <math> elements, between which a line may break.

    LaTeX that cannot be read becomes <code>.

    Examples
    --------
    >>> latex_to_mathml("n")
    ['<math><mi>n</mi></math>']
    """
    from latex2mathml.converter import convert_to_element

    prepared = _NOT.sub(lambda found: {"=": r"\ne ", r"\in": r"\notin "}[found[1]], latex)
    try:
        row = convert_to_element(prepared)[0]
    except Exception:  # the errors of latex2mathml have no other base
        return [f"<code>{escape(latex)}</code>"]
    for node in row.iter():
        node.text = unescape(node.text or "") or None
        for name in set(node.attrib) - _ATTRIBUTES:
            del node.attrib[name]
    _mend(row)
    return [_math(chunk) for chunk in _chunks(_flat(row))]


def _flat(row: Element) -> list[Element]:
    r"""Return the children; what is between \left and \right too, unless it is high."""
    children: list[Element] = []
    for child in row:
        fenced = child.tag == "mrow" and len(child) > 2 and child[0].get("fence") == "true"
        high = any([next(child.iter(tag), None) is not None for tag in _HIGH])
        if fenced and not high:
            for fence in (child[0], child[-1]):
                fence.attrib["stretchy"] = "false"
            children += _flat(child)
        else:
            children.append(child)
    return children


def _math(children: Sequence[Element]) -> str:
    text = "".join([ElementTree.tostring(child, encoding="unicode") for child in children])
    return f"<math>{text}</math>"


def _mend(row: Element) -> None:
    """Mend what is inside, then the spelling of each child, then the spaces between them."""
    for child in row:
        _mend(child)
    for child in row:
        _respell(child)
    if row.tag == "mrow":
        _merge_numbers(row)
        _space_functions(row)
        _mark_prefixes(row)


def _respell(node: Element) -> None:
    text = node.text or ""
    if node.tag == "mrow" and len(node) > 1 and all([_upright(child) for child in node]):
        word = "".join([child.text or "" for child in node])
        node.clear()
        node.tag, node.text = "mi", word
    elif node.tag in ("mi", "mo") and text and text in _OPEN + _CLOSE and "minsize" not in node.attrib:
        node.tag = "mo"
        node.attrib.setdefault("stretchy", "false")
        node.attrib["form"] = "prefix" if text in _OPEN else "postfix"
    elif node.tag == "mo" and text in _BARS and node.get("stretchy") != "true":
        node.attrib.clear()
        node.attrib.update(stretchy="false", lspace="0", rspace="0")
    elif node.tag in ("mi", "mo") and text == "/":
        node.tag = "mo"
        node.attrib.update(lspace="0", rspace="0")
    elif node.tag == "mo" and text and text in _LETTERS:
        node.tag = "mi"
        node.attrib.clear()
    elif node.tag == "mi" and text and text in _GREEK_CAPITALS:
        node.attrib["mathvariant"] = "normal"
    elif text == "~":
        node.tag, node.text = "mo", "\N{TILDE OPERATOR}"
    elif node.tag in ("mi", "mo") and text == ":":
        node.tag = "mo"
        node.attrib.update(lspace="0", rspace="0.2222em")
    elif text == "―":
        node.text = "¯"
        node.attrib["stretchy"] = "true"
    elif node.tag == "mo" and text.isalpha() and text.isascii():
        node.tag = "mi"
        node.attrib.clear()
    variant = node.attrib.get("mathvariant", "normal")
    if variant in _ALPHABETS:
        del node.attrib["mathvariant"]
        node.text = "".join([_letter(character, variant) for character in text])


def _upright(node: Element) -> bool:
    return node.tag == "mi" and ("mathvariant" in node.attrib or len(node.text or "") > 1)


def _letter(character: str, variant: str) -> str:
    upper, lower, digits = _ALPHABETS[variant]
    for first, last, start in (("A", "Z", upper), ("a", "z", lower), ("0", "9", digits)):
        if first <= character <= last:
            return chr(start + ord(character) - ord(first))
    return character


def _merge_numbers(row: Element) -> None:
    """Make one number of 1{,}000."""
    place = 1
    while place + 1 < len(row):
        before, comma, after = row[place - 1], row[place], row[place + 1]
        braced = comma.tag == "mrow" and len(comma) == 1 and comma[0].text == ","
        if braced and before.tag == after.tag == "mn":
            before.text = f"{before.text},{after.text}"
            row.remove(comma)
            row.remove(after)
        else:
            place += 1


def _space_functions(row: Element) -> None:
    """Put thin spaces around ln, min and so on, unless a parenthesis or a sign is there."""
    place = 0
    while place < len(row):
        if _function(row[place]):
            if place + 1 < len(row) and _kind(row[place + 1]) == "ordinary":
                row.insert(place + 1, Element("mspace", width=_THIN))
            if place and _kind(row[place - 1]) in ("ordinary", "close"):
                row.insert(place, Element("mspace", width=_THIN))
                place += 1
        place += 1


def _mark_prefixes(row: Element) -> None:
    """Say which signs belong to what follows, as in = -1."""
    for place, node in enumerate(row):
        if node.tag == "mo" and node.text in ("\N{MINUS SIGN}", "+", "±"):
            before = _kind(row[place - 1]) if place else "open"
            if before in ("open", "sign"):
                node.attrib["form"] = "prefix"


def _base(node: Element) -> Element:
    """Return what carries the scripts."""
    while node.tag in ("msub", "msup", "msubsup", "munder", "mover", "munderover") and len(node):
        node = node[0]
    return node


def _function(node: Element) -> bool:
    base = _base(node)
    return base.tag == "mi" and len(base.text or "") > 1 and (base.text or "").isalpha()


def _kind(node: Element) -> str:
    base = _base(node)
    core = base.text or ""
    if node.tag == "mspace":
        return "space"
    if core and core in _OPEN:
        return "open"
    if core and core in _CLOSE:
        return "close"
    return "sign" if base.tag == "mo" and core not in _BARS else "ordinary"


def _chunks(children: Sequence[Element]) -> Iterator[list[Element]]:
    """Cut after relations, commas and binary signs, where both sides are long enough.

    Where nothing else offers itself, cut before the name of a function.
    """
    sizes = [len("".join(child.itertext())) for child in children]
    total = sum(sizes)
    chunk: list[Element] = []
    size = done = depth = 0
    for child, length in zip(children, sizes, strict=True):
        if size >= _SHORT and _function(child):
            yield chunk
            chunk, size = [], 0
        chunk.append(child)
        size, done = size + length, done + length
        kind = _kind(child)
        depth += (kind == "open") - (kind == "close")
        text = child.text or ""
        sign = child.tag == "mo" and len(chunk) > 1
        loose = text in _RELATIONS or text in (",", ";") or (text in _BINARY and depth <= 1)
        cut = sign and bool(text) and child.get("form") != "prefix" and loose
        least = _SHORT // 3 if depth <= 0 else _SHORT
        if cut and total > _SHORT and size >= least and total - done >= _SHORT // 3:
            if text not in (",", ";", ":"):
                child.attrib["form"] = "infix"
            yield chunk
            chunk, size = [], 0
    yield chunk
