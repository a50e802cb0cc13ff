"""The command line: parse, call, print. No mathematics.

Heavy modules are imported by the command that needs them.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import __version__
from .cli_arguments import EXIT_CODES, declare, declare_data
from .cli_networks import declare_edge_cases, declare_interchange, declare_networks
from .command_line import Commands, Parser, add_json, execute, natural


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
    declare_networks(commands)
    declare_interchange(commands)
    declare_edge_cases(commands)
    _add_data(commands)
    _add_studies(commands)
    return parser


def _add_constructing(commands: Commands) -> None:
    construct = declare(
        commands,
        "construct",
        "build a network that memorizes the data",
        "memverify construct optimal-parameters digits:3,8 -o net.json.gz",
        "construct:run_construct",
    )
    construct.add_argument("name", help="a name from: memverify constructions (which also lists options)")
    declare_data(construct)
    construct.add_argument(
        "-o", "--output", required=True, metavar="NET", help=".json or .json.gz to write"
    )
    construct.add_argument("--seed", type=natural, help="of the random directions (default 0)")
    _construction_options(construct)
    add_json(construct)

    listing = declare(
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


def _add_data(commands: Commands) -> None:
    export = declare(
        commands,
        "export",
        "write a data set as an exact .csv file, or a sparse one as text (.sparse) or .npz",
        "memverify export digits:3,8 -o digits.csv",
        "data:run_export",
    )
    declare_data(export)
    export.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help=".csv with all coordinates, and for classes; .sparse or .npz for sparse data",
    )
    add_json(export)

    sample = declare(
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

    accuracy = declare(
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
    compare = declare(
        commands,
        "compare",
        "build and certify every construction that applies, in one table",
        "memverify compare digits:3,8:50 --test digits:3,8",
        "studies:run_compare",
    )
    declare_data(compare)
    compare.add_argument(
        "--test", metavar="DATA", help="counted exactly (default: the test split of named data, if any)"
    )
    compare.add_argument("--only", metavar="NAMES", help="constructions, separated by commas")
    compare.add_argument("--distribution", metavar="FILE", help="lets nongeneralizing take part")
    compare.add_argument("--seed", type=natural, default=0, help="(default 0)")
    compare.add_argument("--plot", metavar="SVG", help="write a picture")
    add_json(compare)

    table = declare(
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

    narrow = declare(
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

    demo = declare(
        commands, "demo", "the whole story on handwritten digits", "memverify demo", "studies:run_demo"
    )
    demo.add_argument("-o", "--output", default="demo-output", metavar="DIR", help="(default demo-output)")
