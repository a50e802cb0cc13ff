"""What several commands of the command line have in common: the data, the classes, the weights' layers."""

from __future__ import annotations

from .command_line import Commands, Parser, add_command, natural

EXIT_CODES = "exit codes: 0 proved or done, 1 refuted, 2 unusable input, 3 undecided"


def declare(commands: Commands, name: str, what: str, example: str, runs: str) -> Parser:
    """Declare a command whose help ends with the exit codes."""
    return add_command(commands, name, what, example, runs, EXIT_CODES)


def declare_data(parser: Parser, optional: bool = False) -> None:
    """Declare the data set, the number of classes and the folder of named data."""
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?" if optional else None,
        help="NAME:A,B (digits, mnist, cifar10; class A is -1), NAME:all (classes), NAME@test:A,B:K, or a "
        "file: .csv, .npz, .sparse; or IDX files: IMAGES,LABELS",
    )
    declare_classes(parser)
    parser.add_argument("--data-dir", metavar="DIR", help="where the files of named data sets are")


def declare_classes(parser: Parser) -> None:
    """Declare the number of classes."""
    parser.add_argument(
        "--classes",
        type=natural,
        metavar="C",
        help="the labels are classes 0 to C - 1 (default: what the labels show)",
    )


def declare_architecture(parser: Parser) -> None:
    """Declare the file of layers for files that hold weights alone."""
    parser.add_argument(
        "--architecture",
        metavar="FILE",
        help='a JSON file, or "mlp", for files that hold weights alone (docs/interchange.md)',
    )
