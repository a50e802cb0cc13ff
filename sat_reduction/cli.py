"""The command line: parse, call, print. No mathematics.

Heavy modules are imported by the command that needs them.
"""

from __future__ import annotations

from collections.abc import Sequence

from memverify import __version__
from memverify.command_line import Commands, Parser, add_command, add_json, execute, natural

EXIT_CODES = "exit codes: 0 done or proved, 1 refuted, 2 unusable input, 3 undecided"
SAT_EXIT_CODES = "exit codes: 10 satisfiable, 20 unsatisfiable, 2 unusable input, 3 undecided"
_SCHEMES = ("paper", "nae", "dyadic")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return execute(_build_parser(), arguments, "sat_reduction")


def _build_parser() -> Parser:
    parser = Parser(
        prog="sat-reduction",
        description="Theorem 6.5: any CNF to a data set that n + 8 parameters memorize exactly "
        "when the formula is satisfiable, and back, with proofs of both answers.",
        epilog="start with: sat-reduction generate planted 20 80 -o F.cnf; then: "
        "sat-reduction solve F.cnf -o OUT",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"sat-reduction {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_formulas(commands)
    _add_data_sets(commands)
    _add_answers(commands)
    _add_studies(commands)
    return parser


def _add_formulas(commands: Commands) -> None:
    generate = add_command(
        commands,
        "generate",
        "write a formula: random, planted, pigeonhole, parity",
        "sat-reduction generate random 100 426 --seed 1 -o F.cnf",
        "formulas:run_generate",
        EXIT_CODES,
    )
    families = generate.add_subparsers(dest="family", metavar="FAMILY", required=True)
    for name, does in (
        ("random", "clauses of k distinct variables, uniformly"),
        ("planted", "the same, all satisfied by a hidden assignment"),
    ):
        family = families.add_parser(name, help=does, description=does, allow_abbrev=False)
        family.add_argument("n_variables", type=natural, metavar="N", help="variables")
        family.add_argument("n_clauses", type=natural, metavar="M", help="clauses")
        family.add_argument("-k", "--width", type=natural, default=3, help="literals a clause (default 3)")
        family.add_argument("--seed", type=natural, default=0, help="(default 0)")
        if name == "planted":
            family.add_argument("--model", metavar="FILE", help="also write the hidden assignment")
        _output(family, "F.cnf", "formula to write")
        add_json(family)
    for name, what, does in (
        ("pigeonhole", "HOLES", "one pigeon more than holes (unsatisfiable)"),
        ("parity", "N", "a perfect matching of an odd number of things (unsatisfiable)"),
    ):
        family = families.add_parser(name, help=does, description=does, allow_abbrev=False)
        family.add_argument("size", type=natural, metavar=what)
        _output(family, "F.cnf", "formula to write")
        add_json(family)

    reduce = add_command(
        commands,
        "reduce",
        "any CNF to a reversible 6-CNF, with the map of models in its comments",
        "sat-reduction reduce F.cnf -o F6.cnf",
        "formulas:run_reduce",
        EXIT_CODES,
    )
    _formula(reduce)
    _method(reduce, "linear", "megiddo")
    _output(reduce, "F6.cnf", "formula to write")
    add_json(reduce)


def _add_data_sets(commands: Commands) -> None:
    encode = add_command(
        commands,
        "encode",
        "a formula to its data set D(phi)",
        "sat-reduction encode F6.cnf -o D.npz",
        "data_sets:run_encode",
        EXIT_CODES,
    )
    _formula(encode)
    encode.add_argument(
        "--scheme",
        choices=_SCHEMES,
        default="paper",
        help="paper and dyadic take reversible 6-CNF (see reduce), nae any CNF (default paper)",
    )
    encode.add_argument(
        "--literal", action="store_true", help="exactly what is printed, for any six-literal clauses"
    )
    _output(encode, "D.npz", "data set to write; every memverify command reads it")
    add_json(encode)

    recover = add_command(
        commands,
        "recover",
        "a data set back to its formula; all that is no D(phi) is refused",
        "sat-reduction recover D.npz -o F6.cnf",
        "data_sets:run_recover",
        EXIT_CODES,
    )
    recover.add_argument("dataset", metavar="D", help="a data set file")
    recover.add_argument(
        "--source", action="store_true", help="write the formula before the reduction, if D names the map"
    )
    _output(recover, "F6.cnf", "formula to write")
    add_json(recover)

    witness = add_command(
        commands,
        "witness",
        "an assignment to the network with n + 8 parameters that memorizes D",
        "sat-reduction witness model.txt D.npz -o net.json.gz",
        "data_sets:run_witness",
        EXIT_CODES,
    )
    witness.add_argument("model", metavar="MODEL", help="v-lines, of the source formula or of D's own")
    witness.add_argument("dataset", metavar="D")
    _output(witness, "NET", "network to write")
    add_json(witness)

    decode = add_command(
        commands,
        "decode",
        "a network that memorizes D to an assignment of the source formula",
        "sat-reduction decode net.json.gz D.npz",
        "data_sets:run_decode",
        EXIT_CODES,
    )
    decode.add_argument("network", metavar="NET")
    decode.add_argument("dataset", metavar="D")
    decode.add_argument("-o", "--output", metavar="MODEL", help="write the v-lines there")
    add_json(decode)


def _add_answers(commands: Commands) -> None:
    solve = add_command(
        commands,
        "solve",
        "decide a formula, and write a bundle that proves the answer for its data set",
        "sat-reduction solve F.cnf -o OUT",
        "answers:run_solve",
        SAT_EXIT_CODES,
    )
    _formula(solve)
    solve.add_argument("-o", "--output", metavar="OUT", required=True, help="folder to write")
    solve.add_argument("--solver", default="cadical195", help="one that writes proofs (default cadical195)")
    solve.add_argument(
        "--scheme", choices=_SCHEMES, default="paper", help="of the data set (default paper)"
    )
    _method(solve, "linear", "megiddo", "none")
    _timeout(solve, None)
    add_json(solve)

    verify = add_command(
        commands,
        "verify",
        "check a bundle again, from its data set alone",
        "sat-reduction verify OUT",
        "answers:run_verify",
        EXIT_CODES,
    )
    verify.add_argument("bundle", metavar="OUT")
    verify.add_argument("--formula", metavar="F.cnf", help="also check that the data set is this formula's")
    verify.add_argument("--lenient", action="store_true", help="forgive what SATLIB's files do")
    add_json(verify)

    cross = add_command(
        commands,
        "cross-check",
        "decide a formula by every route, and compare",
        "sat-reduction cross-check F.cnf",
        "answers:run_cross_check",
        SAT_EXIT_CODES + ", 1 disagreement",
    )
    _formula(cross)
    _timeout(cross, 60.0)
    cross.add_argument(
        "--save",
        metavar="FILE",
        default="disagreement.cnf",
        help="where a smallest formula goes if routes disagree (default disagreement.cnf)",
    )
    add_json(cross)


def _add_studies(commands: Commands) -> None:
    transition = add_command(
        commands,
        "phase-transition",
        "share of random k-SAT data sets that n + 8 parameters memorize, against the clause ratio",
        "sat-reduction phase-transition -o results",
        "studies:run_phase_transition",
        EXIT_CODES,
    )
    transition.add_argument("-k", "--width", type=natural, default=3, help="(default 3)")
    transition.add_argument("--sizes", type=natural, nargs="+", default=[20, 50, 100], metavar="N")
    transition.add_argument(
        "--ratios",
        nargs="+",
        default=["2", "3", "3.5", "3.75", "4", "4.25", "4.5", "4.75", "5", "5.5", "6"],
        metavar="R",
    )
    transition.add_argument("--formulas", type=natural, default=100, help="a point (default 100)")
    transition.add_argument("--scheme", choices=_SCHEMES, default="nae", help="(default nae)")
    transition.add_argument("--seed", type=natural, default=0, help="(default 0)")
    _timeout(transition, None)
    transition.add_argument(
        "-o", "--output", metavar="DIR", help="CSV, JSON and picture; goes on if interrupted"
    )
    add_json(transition)

    train = add_command(
        commands,
        "train",
        "gradient descent on D(phi) against the network that provably exists",
        "sat-reduction train --sizes 3 4 5 -o results",
        "studies:run_train",
        EXIT_CODES,
    )
    train.add_argument("-k", "--width", type=natural, default=3, help="(default 3)")
    train.add_argument("--sizes", type=natural, nargs="+", default=[3, 4, 5, 6, 8, 10, 15, 20], metavar="N")
    train.add_argument("--ratio", default="1", metavar="R", help="clauses over variables (default 1)")
    train.add_argument("--formulas", type=natural, default=4, help="a size (default 4)")
    train.add_argument("--starts", type=natural, default=512, help="a formula (default 512)")
    train.add_argument("--steps", type=natural, default=4000, help="of Adam (default 4000)")
    train.add_argument("--scheme", choices=_SCHEMES, default="nae", help="(default nae)")
    train.add_argument("--seed", type=natural, default=0, help="(default 0)")
    train.add_argument(
        "-o", "--output", metavar="DIR", help="CSV, JSON and picture; goes on if interrupted"
    )
    add_json(train)


def _formula(parser: Parser) -> None:
    parser.add_argument("formula", metavar="F.cnf", help="DIMACS: .cnf, .cnf.gz, .cnf.xz, or - for stdin")
    parser.add_argument("--lenient", action="store_true", help="forgive what SATLIB's files do")


def _method(parser: Parser, *methods: str) -> None:
    none = "; none: the formula is a reversible 6-CNF already" if "none" in methods else ""
    parser.add_argument(
        "--method",
        choices=methods,
        default="linear",
        help=f"62 + 2 clauses a clause (linear, the default), or Megiddo's product{none}",
    )


def _timeout(parser: Parser, seconds: float | None) -> None:
    parser.add_argument(
        "--timeout",
        type=natural,
        default=seconds,
        metavar="S",
        help=f"seconds for a solver (default {'none' if seconds is None else f'{seconds:g}'})",
    )


def _output(parser: Parser, metavar: str, does: str) -> None:
    parser.add_argument("-o", "--output", required=True, metavar=metavar, help=does)
