"""LaTeX as Unicode, for terminals: parsed by pylatexenc, spaced as TeX would."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

_SUPERSCRIPTS = dict(
    zip("0123456789+-=()abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True)
)
_SUBSCRIPTS = dict(zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))

_CHARACTERS = (
    dict.fromkeys("=<>", "relation")
    | dict.fromkeys("+-*", "binary")
    | dict.fromkeys(",;:", "punctuation")
    | dict.fromkeys("([", "open")
    | dict.fromkeys(")]", "close")
)
_RELATIONS = (
    "le leq ge geq ne neq in notin ni to rightarrow mapsto Rightarrow Leftrightarrow iff implies sim "
    "approx equiv subset subseteq supset supseteq mid ll gg lt gt leqslant geqslant models vdash coloneqq "
    "propto cong simeq"
)
_BINARY = "cdot times cup cap setminus circ pm mp wedge vee land lor oplus otimes div ast bmod mod"
_FUNCTIONS = (
    "min max inf sup ln log exp lim gcd det dim sin cos tan arg Pr deg ker sum prod "
    "bigcup bigcap int"
)
_KINDS = {
    name: kind
    for kind, names in (("relation", _RELATIONS), ("binary", _BINARY), ("function", _FUNCTIONS))
    for name in names.split()
}
_FENCES = {
    **{"{": ("open", "{"), "}": ("close", "}"), "lVert": ("open", "‖"), "rVert": ("close", "‖")},
    **{"lvert": ("open", "|"), "rvert": ("close", "|"), "|": ("ordinary", "‖"), "Vert": ("ordinary", "‖")},
    **{"lfloor": ("open", "⌊"), "rfloor": ("close", "⌋"), "lceil": ("open", "⌈"), "rceil": ("close", "⌉")},
    **{"langle": ("open", "⟨"), "rangle": ("close", "⟩"), "lbrace": ("open", "{")},
    "rbrace": ("close", "}"),
}
_SPELLED = {
    **{"lt": "<", "gt": ">", "leqslant": "≤", "geqslant": "≥", "iff": "⟺", "implies": "⟹", "bmod": "mod"},
    **{"sum": "∑", "prod": "∏", "mid": "|", "ne": "≠", "neq": "≠", "cdot": "·"},
    **{"neg": "¬", "lnot": "¬", "setminus": "\N{SET MINUS}", "bot": "⊥", "triangle": "△", "models": "⊧"},
    **{"land": "∧", "lor": "\N{LOGICAL OR}", "coloneqq": "≔", "mod": "mod"},
    **{name: name for name in ("gcd", "deg", "dim", "ker", "arg", "Pr", "det")},
}
_SPACES = {",", ";", ":", "quad", "qquad", " ", ">", "~", "\\"}
_SILENT = {"left", "right", "displaystyle", "textstyle", "limits", "nolimits", "!"} | {
    f"{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")
}
_ACCENTS = {"overline": "\u0305", "bar": "\u0304", "tilde": "\u0303", "widetilde": "\u0303"} | {
    **{"hat": "\u0302", "widehat": "\u0302", "vec": "\u20d7", "underline": "\u0332"}
}


_NOT = re.compile(r"\\not\s*(=|\\in\b)")
_FRACTIONS = ("frac", "tfrac", "dfrac")
_UPRIGHT = ("mathrm", "mathsf", "mathit", "mathtt")


@dataclass(frozen=True)
class _Atom:
    text: str
    kind: str = "ordinary"


def latex_to_unicode(latex: str) -> str:
    r"""Return a formula as one line of Unicode.

    Examples
    --------
    >>> latex_to_unicode(r"\sum_{j \le m}\binom{n}{j} \le \frac{(m+1)2^M}{M + 1}")
    '∑_(j≤m) C(n, j) ≤ ((m + 1)2^M)/(M + 1)'
    """
    from pylatexenc.latexwalker import LatexWalker

    latex = _NOT.sub(lambda found: {"=": r"\ne ", r"\in": r"\notin "}[found[1]], latex)
    nodes, _, _ = LatexWalker(latex, latex_context=_macros(), tolerant_parsing=True).get_latex_nodes()
    return _joined(_atoms(nodes)).strip()


def _atoms(nodes: Sequence[Any]) -> list[_Atom]:
    tokens = list(_tokens(nodes))
    atoms: list[_Atom] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        place += 1
        if isinstance(token, str) and token in "^_":
            script = _script(_joined(_atoms(tokens[place : place + 1])), token == "^")
            place += 1
            base = atoms.pop() if atoms else _Atom("")
            atoms.append(replace(base, text=base.text + script))
        elif isinstance(token, str) and token == "'":
            base = atoms.pop() if atoms else _Atom("")
            atoms.append(replace(base, text=base.text + "\N{PRIME}"))
        elif isinstance(token, str):
            atom = _Atom(token, _CHARACTERS.get(token, "ordinary"))
            if _digit(token) and place > 1 and _digit(tokens[place - 2]) and atoms:
                atom = replace(atom, text=atoms.pop().text + token)
            atoms.append(atom)
        else:
            atoms += _of_node(token)
    return atoms


def _tokens(nodes: Sequence[Any]) -> Iterator[Any]:
    """Single characters as strings, and whatever is more as pylatexenc's nodes."""
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif hasattr(node, "chars"):
            yield from [character for character in node.chars if not character.isspace()]
        else:
            yield node


def _digit(token: Any) -> bool:
    return isinstance(token, str) and (token.isdigit() or token == ".")


def _of_node(node: Any) -> list[_Atom]:
    if hasattr(node, "nodelist") and not hasattr(node, "macroname"):
        inner = _atoms(node.nodelist)
        return inner if len(inner) == 1 and inner[0].kind == "function" else [_Atom(_joined(inner))]
    name = str(getattr(node, "macroname", None) or getattr(node, "specials_chars", ""))
    arguments = [each for each in getattr(node.nodeargd, "argnlist", []) or [] if each is not None]
    if name in _SILENT:
        return []
    if name in _SPACES:
        return [_Atom(" ", "space")]
    if name in _FRACTIONS and len(arguments) == 2:
        above, below = [_inside(argument) for argument in arguments]
        return [_Atom(f"{_grouped(above, below=False)}/{_grouped(below)}", "fraction")]
    if name == "sqrt" and arguments:
        return [_Atom(f"√{_grouped(_inside(arguments[-1]))}")]
    if name in ("binom", "tbinom", "dbinom") and len(arguments) == 2:
        return [_Atom(f"C({', '.join([_joined(_inside(argument)) for argument in arguments])})")]
    if name in _ACCENTS and arguments:
        return [_Atom("".join([character + _ACCENTS[name] for character in _joined(_atoms(arguments))]))]
    if name in ("text", "textrm", "mbox", "textbf", "textit", "emph"):
        return [_Atom(_plain(node), "text")]
    if name in (*_UPRIGHT, "operatorname") and arguments:
        return [_Atom(_joined(_atoms(arguments)), "function" if name == "operatorname" else "ordinary")]
    if name in _FENCES:
        kind, text = _FENCES[name]
        return [_Atom(text, kind)]
    if name == "colon":
        return [_Atom(":", "punctuation")]
    unfinished = name in _FRACTIONS
    known = _SPELLED.get(name) or ("" if unfinished else _plain(node).strip())
    return [_Atom(known or f"{node.latex_verbatim().strip()} ", _KINDS.get(name, "ordinary"))]


def _inside(argument: Any) -> list[_Atom]:
    """Return the atoms of an argument, without its braces."""
    return _atoms(getattr(argument, "nodelist", [argument]))


@functools.cache
def _macros() -> Any:
    from pylatexenc.latexwalker import get_default_latex_context_db
    from pylatexenc.macrospec import std_macro

    known = get_default_latex_context_db()
    two = [std_macro(name, "{{") for name in (*_FRACTIONS, "binom", "tbinom", "dbinom")]
    one = [std_macro(name, "{") for name in (*_ACCENTS, *_UPRIGHT, "text", "operatorname")]
    known.add_context_category("here", macros=two + one, prepend=True)
    return known


@functools.cache
def _converter() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(math_mode="text")


def _plain(node: Any) -> str:
    """Return what pylatexenc makes of a node; its verbatim text if that fails."""
    try:
        return str(_converter().nodelist_to_text([node]))
    except Exception:  # whatever pylatexenc's own table of macros raises
        return str(node.latex_verbatim())


def _script(text: str, upper: bool) -> str:
    compact = text.replace(" ", "")
    if not compact:
        return "^" if upper else "_"
    letters = _SUPERSCRIPTS if upper else _SUBSCRIPTS
    if compact and all([character in letters for character in compact]):
        return "".join([letters[character] for character in compact])
    mark = "^" if upper else "_"
    return f"{mark}{compact}" if len(compact) == 1 else f"{mark}({compact if ',' not in text else text})"


def _grouped(atoms: Sequence[_Atom], *, below: bool = True) -> str:
    """Return the text, in parentheses unless it is one thing; products may stand above a bar."""
    text = _joined(atoms)
    kinds = {atom.kind for atom in atoms}
    compact = " " not in text
    single = len(atoms) == 1 and (compact or text.endswith(")")) and not kinds & {"fraction", "text"}
    single = single or (not below and compact and kinds <= {"ordinary", "open", "close"})
    return text if single else f"({text})"


def _joined(atoms: Sequence[_Atom]) -> str:
    solid = ("ordinary", "close", "fraction")
    out: list[str] = []
    for place, atom in enumerate(atoms):
        before = atoms[place - 1].kind if place else "start"
        after = atoms[place + 1].kind if place + 1 < len(atoms) else "end"
        text = atom.text
        if atom.kind == "relation" or (atom.kind == "binary" and before in solid and after != "end"):
            text = f" {text} "
        elif atom.kind == "punctuation" and after != "end":
            text = f"{text} "
        elif atom.kind == "function":
            text = (" " if before in solid else "") + text
            text += " " if after in ("ordinary", "function", "fraction") else ""
        elif atom.kind == "fraction":
            beside = (before in solid and atoms[place - 1].text != "/") or after in ("open", "function")
            beside = beside or (after in ("ordinary", "fraction") and atoms[place + 1].text[:1] not in "/")
            text = f"({text})" if beside else text
        out.append(text)
    return re.sub("  +", " ", "".join(out))
