"""The ``ppgen`` command: its subcommands, and what a user sees when something goes wrong."""

from __future__ import annotations

from typing import Any

import click

from ppgen.cli.compare import compare
from ppgen.cli.demo import demo
from ppgen.cli.endings import Interrupted, Refusal
from ppgen.cli.evaluate import evaluate
from ppgen.cli.fit import fit
from ppgen.cli.list import list_
from ppgen.cli.report import report
from ppgen.cli.sample import sample
from ppgen.errors import PpgenError

__all__ = ["commands", "main"]


class Commands(click.Group):
    """A click group that turns ppgen's own errors into text; whatever else is raised keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand that ``ctx`` names."""
        try:
            return super().invoke(ctx)
        except PpgenError as error:
            raise Refusal(error) from error
        except KeyboardInterrupt as error:  # click's own ending would be "Aborted!" with exit code 1
            raise Interrupted from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a user meets them, not the alphabet's."""
        return list(self.commands)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `ppgen demo --quick`. `ppgen COMMAND --help` shows examples.",
)
@click.version_option(package_name="ppgen", message="%(package)s %(version)s")
def commands() -> None:
    """Declare a generative model, fit it, evaluate it, and compare it with every other family."""


for _command in (list_, fit, evaluate, compare, sample, report, demo):
    commands.add_command(_command)


def main() -> None:
    """The entry point of the ``ppgen`` script."""
    commands(prog_name="ppgen")
