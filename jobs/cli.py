"""The `tieout` command. Each subcommand is a module of `commands`; errors that a person can mend are one
line.
"""

from __future__ import annotations

import sys
from typing import Any

import click
from stamina.instrumentation import set_on_retry_hooks

from exceptions_app.catalog.load import CatalogError
from exceptions_app.config import SettingError

from .commands import checks, data, demo, feeds, people, serving, site
from .logs import tell_retry
from .serve import ServeError


class _Plain(click.Group):
    """Ends with a sentence, not a stack trace, when an install cannot run as it is configured."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (SettingError, ServeError) as error:
            raise click.ClickException(str(error)) from error
        except CatalogError as error:
            for problem in error.problems:
                click.echo(str(problem), err=True)
            count = len(error.problems)
            raise click.ClickException(
                f"the configuration has {count} problem{'s' if count > 1 else ''}; nothing was started"
            ) from error


@click.group(cls=_Plain, context_settings={"help_option_names": ["-h", "--help"]})
def tieout() -> None:
    """Exception management for healthcare ERP synchronisation.

    Settings come from the environment (TIEOUT_…); the operator's guide lists them.
    """
    set_on_retry_hooks([tell_retry])


for module in (serving, site, data, feeds, checks, people, demo):
    for command in module.COMMANDS:
        tieout.add_command(command)


def main() -> None:
    """The entry point."""
    tieout(prog_name="tieout")


if __name__ == "__main__":
    sys.exit(tieout())
