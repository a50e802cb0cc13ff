"""The command line's commands on networks of any format, and on the edge cases."""

from __future__ import annotations

import argparse

from .cli_arguments import EXIT_CODES, declare, declare_architecture, declare_classes, declare_data
from .command_line import Commands, add_json, natural

_ANY_FORMAT = "any format: .json, .onnx, .pt2, .safetensors, ..."


def declare_networks(commands: Commands) -> None:
    """Declare info, certify, check, evaluate and robust."""
    info = declare(
        commands,
        "info",
        "sizes and hash of a network",
        "memverify info net.json.gz digits:3,8",
        "networks:run_info",
    )
    info.add_argument("network", metavar="NET", help=".json or .json.gz (others: memverify inspect)")
    declare_data(info, optional=True)
    add_json(info)

    certify = declare(
        commands,
        "certify",
        "decide exactly whether a network memorizes the data",
        "memverify certify net.json.gz digits:3,8 -o cert.json",
        "networks:run_certify",
    )
    certify.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    declare_data(certify)
    certify.add_argument("--threshold", metavar="Q", help="label 1 means F(x) > Q, exact (default 0)")
    declare_architecture(certify)
    group = certify.add_argument_group("long runs, in batches (docs/long-runs.md)")
    group.add_argument("--jobs", type=natural, metavar="N", help="processes")
    group.add_argument("--journal", metavar="FILE", help="what is done is kept here, and survives kill -9")
    group.add_argument("--resume", action="store_true", help="go on with the journal")
    group.add_argument("--batch-size", type=natural, metavar="B", help="samples a batch")
    group.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler, e.g. tcp://127.0.0.1:8786")
    certify.add_argument("-o", "--output", metavar="CERT", help="certificate or counterexample to write")
    add_json(certify)

    check = declare(
        commands,
        "check",
        "check a certificate with the independent checker",
        "memverify check cert.json net.json.gz digits:3,8",
        "networks:run_check",
    )
    check.add_argument("certificate", metavar="CERT")
    check.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    declare_data(check)
    declare_architecture(check)
    add_json(check)

    evaluate = declare(
        commands,
        "evaluate",
        "what float32, float64 or exact arithmetic answers",
        "memverify evaluate net.json.gz digits:3,8 --dtype float32",
        "networks:run_evaluate",
    )
    evaluate.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    declare_data(evaluate)
    evaluate.add_argument(
        "--dtype", choices=("float32", "float64", "exact"), default="exact", help="(default exact)"
    )
    evaluate.add_argument(
        "--runtime",
        choices=("torch:float32", "torch:float64", "onnxruntime"),
        help="what it answers, sample by sample, against the exact answers",
    )
    evaluate.add_argument(
        "--batch-size",
        type=natural,
        default=1024,
        metavar="B",
        help="samples at a time in a runtime (default 1024)",
    )
    declare_architecture(evaluate)
    evaluate.add_argument("-o", "--output", metavar="CSV", help="write index,label,output of every sample")
    add_json(evaluate)

    robust = declare(
        commands,
        "robust",
        "how far every sample may move before the answer changes: proved radii and counterexamples",
        "memverify robust net.json.gz digits:3,8 --radius 1/100",
        "robust:run_robust",
    )
    robust.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    declare_data(robust)
    robust.add_argument(
        "--radius", metavar="R", help="exact, in input units; left out: the radii themselves"
    )
    robust.add_argument("--norm", choices=("inf", "l2", "2"), default="inf", help="(default inf)")
    robust.add_argument(
        "--box",
        metavar="LOW,HIGH",
        help="only points with coordinates in this range; write --box=LOW,HIGH if LOW is negative",
    )
    robust.add_argument("--timeout", metavar="SECONDS", help="for all samples together (default 60)")
    robust.add_argument(
        "--seed", type=natural, default=0, help="of the search for counterexamples (default 0)"
    )
    robust.add_argument("-o", "--output", metavar="CSV", help="write what is known of every sample")
    declare_architecture(robust)
    add_json(robust)


def declare_interchange(commands: Commands) -> None:
    """Declare inspect and convert."""
    inspect = declare(
        commands,
        "inspect",
        "layers, operators and weights of a network file of any format, and what of it is read",
        "memverify inspect model.onnx",
        "interchange:run_inspect",
    )
    inspect.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    declare_architecture(inspect)
    add_json(inspect)

    convert = declare(
        commands,
        "convert",
        "write a network in another format; says what rounding changes",
        "memverify convert net.json.gz model.onnx --dtype float32",
        "interchange:run_convert",
    )
    convert.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    convert.add_argument(
        "output", metavar="FILE", help="ends in .onnx, .pt2, .safetensors, .nnet, .smt2, .json or .json.gz"
    )
    convert.add_argument(
        "--dtype", choices=("float32", "float64"), default="float32", help="(default float32)"
    )
    convert.add_argument(
        "--data", metavar="DATA", help="count the exact answers that rounding changes on it"
    )
    convert.add_argument("--data-dir", metavar="DIR", help="folder searched first for named data")
    declare_classes(convert)
    declare_architecture(convert)
    add_json(convert)


def declare_edge_cases(commands: Commands) -> None:
    """Declare edge-cases and its actions."""
    group = commands.add_parser(
        "edge-cases",
        help="networks on which float arithmetic goes wrong, with exact answers",
        description="Networks on which float arithmetic goes wrong, with exact answers.",
        epilog=f"example: memverify edge-cases run --backend torch:float32\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = declare(
        actions, "list", "list the cases", "memverify edge-cases list", "edge_cases:run_edge_cases_list"
    )
    add_json(listing)
    show = declare(
        actions,
        "show",
        "the network, the points and the exact outputs of a case",
        "memverify edge-cases show summation-order-024",
        "edge_cases:run_edge_cases_show",
    )
    show.add_argument("name", metavar="NAME", help="a name from: memverify edge-cases list")
    add_json(show)
    run = declare(
        actions,
        "run",
        "run back ends on the cases: where they are right, and from how many bits on they are not",
        "memverify edge-cases run digit-packing --backend torch:float32,onnxruntime --plot cases.svg",
        "edge_cases:run_edge_cases_run",
    )
    run.add_argument("names", metavar="NAME", nargs="*", help="cases or families (default: all)")
    run.add_argument(
        "--backend",
        default="exact",
        metavar="B",
        help="exact, fractions, torch:float32, torch:float64, onnxruntime, several with commas, or all "
        "(default exact)",
    )
    run.add_argument("--plot", metavar="FILE", help="write a picture: .svg, .png or .pdf")
    add_json(run)
