"""Any CNF to a data set that n + 8 parameters memorize exactly when it is satisfiable, and back.

Theorem 6.5(2) of the paper, repaired, with proofs of both answers. The public names below are
loaded when first used, so that the command line starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memverify.lazy_names import lazy_names

_HOME = {
    "Encoding": "encoding",
    "Formula": "cnf",
    "WitnessMargins": "witness_margin",
    "cross_check": "routes",
    "decide": "bundle",
    "decode": "witness_network",
    "encode": "encoding",
    "encode_source": "bundle",
    "linear_reduction": "reversible",
    "literal_encoding": "encoding",
    "load_dimacs": "dimacs",
    "load_model": "assignments",
    "megiddo_reduction": "megiddo",
    "parity": "generate",
    "pigeonhole": "generate",
    "planted_cnf": "generate",
    "random_cnf": "generate",
    "recover": "recovery",
    "save_dimacs": "dimacs",
    "save_model": "assignments",
    "solve": "solvers",
    "source_assignment": "witness_network",
    "verify_bundle": "verification",
    "witness": "witness_network",
    "write_bundle": "bundle",
}

if TYPE_CHECKING:
    from .assignments import load_model, save_model
    from .bundle import decide, encode_source, write_bundle
    from .cnf import Formula
    from .dimacs import load_dimacs, save_dimacs
    from .encoding import Encoding, encode, literal_encoding
    from .generate import parity, pigeonhole, planted_cnf, random_cnf
    from .megiddo import megiddo_reduction
    from .recovery import recover
    from .reversible import linear_reduction
    from .routes import cross_check
    from .solvers import solve
    from .verification import verify_bundle
    from .witness_margin import WitnessMargins
    from .witness_network import decode, source_assignment, witness

__all__ = [
    "Encoding",
    "Formula",
    "WitnessMargins",
    "cross_check",
    "decide",
    "decode",
    "encode",
    "encode_source",
    "linear_reduction",
    "literal_encoding",
    "load_dimacs",
    "load_model",
    "megiddo_reduction",
    "parity",
    "pigeonhole",
    "planted_cnf",
    "random_cnf",
    "recover",
    "save_dimacs",
    "save_model",
    "solve",
    "source_assignment",
    "verify_bundle",
    "witness",
    "write_bundle",
]

__getattr__, __dir__ = lazy_names(globals(), _HOME)
