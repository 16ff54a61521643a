"""The command line: ``ppgen list | fit | evaluate | compare | sample | traverse | report ...``, a file each."""

from __future__ import annotations

from typing import IO, Any

import click

from ppgen.cli.arithmetic import arithmetic
from ppgen.cli.bench import bench
from ppgen.cli.compare import compare
from ppgen.cli.complete import complete
from ppgen.cli.demo import demo
from ppgen.cli.doctor import doctor
from ppgen.cli.evaluate import evaluate
from ppgen.cli.explain import explain
from ppgen.cli.fit import fit
from ppgen.cli.interpolate import interpolate
from ppgen.cli.list import list_
from ppgen.cli.outliers import outliers
from ppgen.cli.report import report
from ppgen.cli.sample import sample
from ppgen.cli.translate import translate
from ppgen.cli.traverse import traverse
from ppgen.cli.wording import in_flags
from ppgen.errors import PpgenError

__all__ = ["Interrupted", "Refusal", "commands", "main"]


class Refusal(click.ClickException):
    """A ppgen error as a user reads it: the text on stderr, no traceback, exit code 2 like click's own usage errors."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the text; ``file`` is stderr by default."""
        click.echo(f"{click.style('Error:', fg='red', bold=True)} {self.message}", file=file, err=file is None)


class Interrupted(click.ClickException):
    """Ctrl-C: exit code 130 (128 + SIGINT), as shells expect, and what the command advises."""

    exit_code = 130

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message; ``file`` is stderr by default."""
        click.echo(f"Interrupted. {self.message}".strip(), file=file, err=file is None)


class Commands(click.Group):
    """A click group that turns ppgen's own errors into text; whatever else is raised keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand that ``ctx`` names."""
        try:
            return super().invoke(ctx)
        except PpgenError as error:
            called = self.commands.get(ctx.invoked_subcommand or "")
            raise Refusal(str(in_flags(error, called.params if called else (), self.commands))) from error
        except KeyboardInterrupt as error:  # click's own ending would be "Aborted!" with exit code 1
            raise Interrupted(str(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a user meets them, not the alphabet's."""
        return [*self.commands]  # `list` is a file of this package


@click.group(
    cls=Commands,
    commands=[
        list_,
        fit,
        evaluate,
        compare,
        sample,
        complete,
        translate,
        traverse,
        interpolate,
        arithmetic,
        outliers,
        doctor,
        report,
        demo,
        bench,
        explain,
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `ppgen demo --quick`. `ppgen COMMAND --help` shows examples.",
)
@click.version_option(package_name="ppgen", message="%(package)s %(version)s")
def commands() -> None:
    """Declare a generative model, fit it, evaluate it, and compare it with every other family."""


def main() -> None:
    """The entry point of the ``ppgen`` script."""
    commands(prog_name="ppgen")
