"""Commands between formulas, data sets and networks: encode, recover, witness, decode."""

from __future__ import annotations

import argparse
import json

from memverify.formats.atomic import check_writable

from .formulas import report
from .inputs import load_encoded, load_formula


def run_encode(options: argparse.Namespace) -> int:
    """Write the data set of a formula."""
    from memverify.datasets.sparse_npz import save_sparse_npz

    from ..encoding import encode
    from ..errors import SatReductionError
    from ..model_map import map_of_comments
    from ..printed import literal_encoding

    check_writable(options.output)
    formula = load_formula(options)
    if options.literal:
        if options.scheme != "paper":
            raise SatReductionError(f"--literal is the printed scheme, not {options.scheme}; leave one out")
        encoding = literal_encoding(formula)
    else:
        encoding = encode(formula, options.scheme, model_map=map_of_comments(formula.comments))
    dataset = encoding.dataset()
    save_sparse_npz(dataset, options.output)
    report(
        {
            "scheme": "paper, literally" if options.literal else encoding.scheme.name,
            "n_samples": dataset.n_samples,
            "n_features": dataset.n_features,
            "num_parameters": encoding.dimension + 8,
            "dataset_sha256": dataset.sha256,
            "wrote": options.output,
        },
        options.json,
    )
    return 0


def run_recover(options: argparse.Namespace) -> int:
    """Write the formula of a data set."""
    from ..dimacs import save_dimacs
    from ..errors import SatReductionError
    from ..model_map import comments_of
    from ..reversible import source_of

    check_writable(options.output)
    encoding, _ = load_encoded(options.dataset)
    if options.source:
        if encoding.model_map is None:
            raise SatReductionError(
                f"{options.dataset}: names no earlier formula; leave --source out to get the one it encodes"
            )
        formula = source_of(encoding.formula, encoding.model_map)
    else:
        formula = encoding.closed_formula()
        if encoding.model_map is not None:
            formula = formula.with_comments(comments_of(encoding.model_map))
    save_dimacs(formula, options.output)
    report(
        {
            "scheme": encoding.scheme.name,
            "n_variables": formula.n_variables,
            "n_clauses": formula.n_clauses,
            "wrote": options.output,
        },
        options.json,
    )
    return 0


def run_witness(options: argparse.Namespace) -> int:
    """Write the network of an assignment, certified."""
    from memverify.certification.certificate import Certificate
    from memverify.certification.certify import certify
    from memverify.formats.network_file import save_network

    from ..assignments import load_model
    from ..errors import SatReductionError
    from ..witness_network import witness

    check_writable(options.output)
    encoding, dataset = load_encoded(options.dataset)
    network = witness(encoding, load_model(options.model))
    found = certify(network, dataset, with_bound=False)
    if not isinstance(found, Certificate):
        raise SatReductionError("internal fault: the network of a model does not memorize D")
    save_network(network, options.output)
    report(
        {
            "num_parameters": network.num_parameters,
            "n_samples": found.n_samples,
            "min_margin": str(found.min_margin),
            "wrote": options.output,
        },
        options.json,
    )
    return 0


def run_decode(options: argparse.Namespace) -> int:
    """Read an assignment off a network that memorizes the data set; refute one that does not."""
    from memverify.certification.certificate import Certificate
    from memverify.certification.certify import certify
    from memverify.console import big_number
    from memverify.formats.network_file import load_network

    from ..assignments import model_text, save_model
    from ..errors import UndecodableNetworkError
    from ..witness_network import decode, source_assignment

    if options.output:
        check_writable(options.output)
    encoding, dataset = load_encoded(options.dataset)
    network = load_network(options.network)
    found = certify(network, dataset, with_bound=False)
    if not isinstance(found, Certificate):
        if options.json:
            print(json.dumps({"verdict": found.verdict, "sample": found.index, "model": None}))
        else:
            print(
                f"the network does not memorize D: sample {found.index} has the label {found.label}, but "
                f"F(x) = {big_number(found.output)}; it says nothing of the formula"
            )
        return 1
    from memverify.network import Network

    if not isinstance(network, Network):
        raise UndecodableNetworkError(
            "only a plain network with a first layer of one unit has signs to read"
        )
    assignment = source_assignment(encoding, decode(network, encoding))
    if options.output:
        save_model(assignment, options.output)
    if options.json:
        signed = [int(sign) * index for index, sign in enumerate(assignment.tolist(), start=1)]
        print(json.dumps({"verdict": found.verdict, "sample": None, "model": signed}))
    else:
        print(model_text(assignment), end="")
    return 0
