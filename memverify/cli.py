"""The command line: parse, call, print. No mathematics.

Heavy modules are imported by the command that needs them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from . import __version__
from .command_line import Commands, Parser, add_command, add_json, execute, natural

_ANY_FORMAT = "any format: .json, .onnx, .pt2, .safetensors, ..."
EXIT_CODES = "exit codes: 0 proved or done, 1 refuted, 2 unusable input, 3 undecided"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return execute(_build_parser(), arguments, "memverify")


def _build_parser() -> Parser:
    parser = Parser(
        prog="memverify",
        description="Build networks that memorize a data set, and certify memorization exactly.",
        epilog=f"{EXIT_CODES}. Start with: memverify demo",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"memverify {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_constructing(commands)
    _add_networks(commands)
    _add_interchange(commands)
    _add_edge_cases(commands)
    _add_data(commands)
    _add_studies(commands)
    return parser


def _add_constructing(commands: Commands) -> None:
    construct = _command(
        commands,
        "construct",
        "build a network that memorizes the data",
        "memverify construct optimal-parameters digits:3,8 -o net.json.gz",
        "construct:run_construct",
    )
    construct.add_argument("name", help="a name from: memverify constructions (which also lists options)")
    _data_argument(construct)
    construct.add_argument(
        "-o", "--output", required=True, metavar="NET", help=".json or .json.gz to write"
    )
    construct.add_argument("--seed", type=natural, help="of the random directions (default 0)")
    _construction_options(construct)
    add_json(construct)

    listing = _command(
        commands,
        "constructions",
        "list the constructions",
        "memverify constructions",
        "construct:run_constructions",
    )
    add_json(listing)


def _construction_options(parser: Parser) -> None:
    group = parser.add_argument_group("options of some constructions (numbers are exact: 1/10, 0.1)")
    add = group.add_argument
    add("--base", type=int, choices=(2, 10), help="digit base (default 2: dyadic weights)")
    add("--literal", action="store_true", help="build exactly what is printed, errors included")
    add("--paper-scale", action="store_true", help="Lemma B.1's scale, not the smallest")
    add("--failure-probability", metavar="P", help='bound for "no good direction" (default 1/1000)')
    add("--rescale", action="store_true", help="accept data outside [0,1]^n")
    add(
        "--radius",
        metavar="R",
        help="of the l-infinity balls (robust; default a quarter of the separation)",
    )
    add("--sequential", action="store_true", help="the deep form (robust, convex-cells)")
    add("--materialize", action="store_true", help="convex-cells as plain layers, for small data")
    add("--split", metavar="E", help="the planes of convex-cells stand at 1/2 - E (default 1/100)")
    add("--slack", metavar="S", help="r = S times the least squared distance (default as --split)")
    add("--radius-ratio", metavar="K", help="Remark 7.2's K > 3 in place of 3.1, with its split")
    add("--separation", metavar="C", help="of the distribution, for constant-parameters")
    add("--distribution", metavar="FILE", help="a distribution file, for nongeneralizing")
    add("--max-accuracy", metavar="A", help="for nongeneralizing (default 51/100)")
    add("--force", action="store_true", help="write out robust networks of any size")
    add("--perturb", action="store_true", help="accept data not in general position (baum1988)")


def _add_networks(commands: Commands) -> None:
    info = _command(
        commands,
        "info",
        "sizes and hash of a network",
        "memverify info net.json.gz digits:3,8",
        "networks:run_info",
    )
    info.add_argument("network", metavar="NET", help=".json or .json.gz (others: memverify inspect)")
    _data_argument(info, optional=True)
    add_json(info)

    certify = _command(
        commands,
        "certify",
        "decide exactly whether a network memorizes the data",
        "memverify certify net.json.gz digits:3,8 -o cert.json",
        "networks:run_certify",
    )
    certify.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    _data_argument(certify)
    certify.add_argument("--threshold", metavar="Q", help="label 1 means F(x) > Q, exact (default 0)")
    _architecture_argument(certify)
    group = certify.add_argument_group("long runs, in batches (docs/long-runs.md)")
    group.add_argument("--jobs", type=natural, metavar="N", help="processes")
    group.add_argument("--journal", metavar="FILE", help="what is done is kept here, and survives kill -9")
    group.add_argument("--resume", action="store_true", help="go on with the journal")
    group.add_argument("--batch-size", type=natural, metavar="B", help="samples a batch")
    group.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler, e.g. tcp://127.0.0.1:8786")
    certify.add_argument("-o", "--output", metavar="CERT", help="certificate or counterexample to write")
    add_json(certify)

    check = _command(
        commands,
        "check",
        "check a certificate with the independent checker",
        "memverify check cert.json net.json.gz digits:3,8",
        "networks:run_check",
    )
    check.add_argument("certificate", metavar="CERT")
    check.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    _data_argument(check)
    _architecture_argument(check)
    add_json(check)

    evaluate = _command(
        commands,
        "evaluate",
        "what float32, float64 or exact arithmetic answers",
        "memverify evaluate net.json.gz digits:3,8 --dtype float32",
        "networks:run_evaluate",
    )
    evaluate.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    _data_argument(evaluate)
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
    _architecture_argument(evaluate)
    evaluate.add_argument("-o", "--output", metavar="CSV", help="write index,label,output of every sample")
    add_json(evaluate)

    robust = _command(
        commands,
        "robust",
        "how far every sample may move before the answer changes: proved radii and counterexamples",
        "memverify robust net.json.gz digits:3,8 --radius 1/100",
        "robust:run_robust",
    )
    robust.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    _data_argument(robust)
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
    _architecture_argument(robust)
    add_json(robust)


def _add_interchange(commands: Commands) -> None:
    inspect = _command(
        commands,
        "inspect",
        "layers, operators and weights of a network file of any format, and what of it is read",
        "memverify inspect model.onnx",
        "interchange:run_inspect",
    )
    inspect.add_argument("network", metavar="NET", help=_ANY_FORMAT)
    _architecture_argument(inspect)
    add_json(inspect)

    convert = _command(
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
    _classes_argument(convert)
    _architecture_argument(convert)
    add_json(convert)


def _add_edge_cases(commands: Commands) -> None:
    group = commands.add_parser(
        "edge-cases",
        help="networks on which float arithmetic goes wrong, with exact answers",
        description="Networks on which float arithmetic goes wrong, with exact answers.",
        epilog=f"example: memverify edge-cases run --backend torch:float32\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _command(
        actions, "list", "list the cases", "memverify edge-cases list", "edge_cases:run_edge_cases_list"
    )
    add_json(listing)
    show = _command(
        actions,
        "show",
        "the network, the points and the exact outputs of a case",
        "memverify edge-cases show summation-order-024",
        "edge_cases:run_edge_cases_show",
    )
    show.add_argument("name", metavar="NAME", help="a name from: memverify edge-cases list")
    add_json(show)
    run = _command(
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


def _architecture_argument(parser: Parser) -> None:
    parser.add_argument(
        "--architecture",
        metavar="FILE",
        help='a JSON file, or "mlp", for files that hold weights alone (docs/interchange.md)',
    )


def _classes_argument(parser: Parser) -> None:
    parser.add_argument(
        "--classes",
        type=natural,
        metavar="C",
        help="the labels are classes 0 to C - 1 (default: what the labels show)",
    )


def _add_data(commands: Commands) -> None:
    export = _command(
        commands,
        "export",
        "write a data set as an exact .csv file, or a sparse one as text (.sparse) or .npz",
        "memverify export digits:3,8 -o digits.csv",
        "data:run_export",
    )
    _data_argument(export)
    export.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help=".csv with all coordinates, and for classes; .sparse or .npz for sparse data",
    )
    add_json(export)

    sample = _command(
        commands,
        "sample",
        "draw exact labeled points from a distribution",
        "memverify sample boxes.json 100 -o sample.csv",
        "data:run_sample",
    )
    sample.add_argument(
        "distribution", metavar="DISTRIBUTION", help="a distribution file (docs/formats.md)"
    )
    sample.add_argument("count", type=natural, metavar="N")
    sample.add_argument("--seed", type=natural, default=0, help="(default 0)")
    sample.add_argument("-o", "--output", required=True, metavar="CSV")
    add_json(sample)

    accuracy = _command(
        commands,
        "accuracy",
        "accuracy of a network on a whole distribution, exactly where that is possible",
        "memverify accuracy net.json boxes.json",
        "data:run_accuracy",
    )
    accuracy.add_argument("network", metavar="NET")
    accuracy.add_argument("distribution", metavar="DISTRIBUTION")
    accuracy.add_argument(
        "--samples", type=natural, default=10_000, metavar="N", help="where sampling is needed"
    )
    accuracy.add_argument(
        "--confidence", default="0.99", metavar="C", help="of the interval (default 0.99)"
    )
    accuracy.add_argument("--seed", type=natural, default=0, help="(default 0)")
    add_json(accuracy)


def _add_studies(commands: Commands) -> None:
    compare = _command(
        commands,
        "compare",
        "build and certify every construction that applies, in one table",
        "memverify compare digits:3,8:50 --test digits:3,8",
        "studies:run_compare",
    )
    _data_argument(compare)
    compare.add_argument(
        "--test", metavar="DATA", help="counted exactly (default: the test split of named data, if any)"
    )
    compare.add_argument("--only", metavar="NAMES", help="constructions, separated by commas")
    compare.add_argument("--distribution", metavar="FILE", help="lets nongeneralizing take part")
    compare.add_argument("--seed", type=natural, default=0, help="(default 0)")
    compare.add_argument("--plot", metavar="SVG", help="write a picture")
    add_json(compare)

    table = _command(
        commands,
        "table",
        "reproduce a table of the paper, exactly",
        "memverify table 1 --pairs 4,9 2,3",
        "studies:run_table",
    )
    table.add_argument("number", type=int, choices=(1, 2, 3, 4), metavar="1|2|3|4")
    table.add_argument("--pairs", nargs="+", metavar="A,B", help="(default: all of the table)")
    table.add_argument("--data-dir", metavar="DIR", help="where the files of named data sets are")
    table.add_argument("--epochs", type=natural, default=20, help="of table 3's training (default 20)")
    table.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        help="write CSV, JSON and a picture there; interrupted runs go on (table 3: default table-3)",
    )
    add_json(table)

    narrow = _command(
        commands,
        "narrow",
        "Theorem 5.1: narrow networks against their exact bound, convex cells beside",
        "memverify narrow --dimension 3 -o narrow",
        "studies:run_narrow",
    )
    narrow.add_argument("--dimension", type=natural, default=3, metavar="n", help="(default 3)")
    narrow.add_argument(
        "--widths", type=natural, nargs="+", metavar="w", help="below n (default: 1 and 2 where possible)"
    )
    narrow.add_argument("--seed", type=natural, default=0, help="(default 0)")
    narrow.add_argument(
        "--bound-only", action="store_true", help="no training: bounds and the smallest dimension"
    )
    narrow.add_argument("-o", "--output", metavar="DIR", help="write JSON and a picture there")
    add_json(narrow)

    demo = _command(
        commands, "demo", "the whole story on handwritten digits", "memverify demo", "studies:run_demo"
    )
    demo.add_argument("-o", "--output", default="demo-output", metavar="DIR", help="(default demo-output)")


def _command(commands: Commands, name: str, what: str, example: str, runs: str) -> Parser:
    return add_command(commands, name, what, example, runs, EXIT_CODES)


def _data_argument(parser: Parser, optional: bool = False) -> None:
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?" if optional else None,
        help="NAME:A,B (digits, mnist, cifar10; class A is -1), NAME:all (classes), NAME@test:A,B:K, or a "
        "file: .csv, .npz, .sparse; or IDX files: IMAGES,LABELS",
    )
    _classes_argument(parser)
    parser.add_argument("--data-dir", metavar="DIR", help="where the files of named data sets are")
