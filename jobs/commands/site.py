"""`tieout init`, `catalog …` and `db upgrade`: a site's configuration and its tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
from sqlalchemy.orm import Session

from exceptions_app.catalog.load import load_catalog
from exceptions_app.config import load_settings
from exceptions_app.connectors.registry import connector_models, foreign
from exceptions_app.domain import wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.queries import additions
from exceptions_app.runtime import assets
from exceptions_app.services import schema
from exceptions_app.services.engine import reading

from ..install import open_engine
from .data import table

_STARTER = Path(__file__).parent.parent / "starter"


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option("--example", help="begin with a worked example instead: bpi2019")
def init(directory: Path, example: str | None) -> None:
    """Begin a site in DIRECTORY: configuration to edit, and a folder for files. Overwrites nothing."""
    catalog, drop = directory / "instance" / "catalog", directory / "drop"
    if catalog.is_dir() and any(catalog.glob("*.yaml")):
        raise click.ClickException(f"{catalog} already holds a configuration; nothing was changed")
    source = _STARTER if example is None else _example(example)
    catalog.mkdir(parents=True, exist_ok=True)
    drop.mkdir(exist_ok=True)
    for path in sorted(source.glob("*.yaml")) + sorted(source.glob("*.csv")):
        shutil.copyfile(path, catalog / path.name)
        click.echo(f"wrote {catalog / path.name}")
    if example is not None:
        _bring_data(example, drop)
    here = "" if directory == Path() else f"cd {directory} && "
    click.echo(f"next: {here}tieout catalog check && tieout run && tieout serve")


def _example(name: str) -> Path:
    found = _examples()
    if name not in found:
        raise click.ClickException(f"no example {name!r}; there is {', '.join(sorted(found)) or 'none'}")
    return found[name]


def _examples() -> dict[str, Path]:
    """Packed into the wheel, or in the guides of a checkout."""
    for root in (assets("examples"), assets("docs") / "examples"):
        if root.is_dir():
            return {path.name: path for path in root.iterdir() if path.is_dir()}
    return {}


def _bring_data(name: str, drop: Path) -> None:
    """The example's files, where this install has them; else say what belongs there."""
    data = next((d for d in (_example(name) / "data", assets("tests") / "data" / name) if d.is_dir()), None)
    if data is None:
        click.echo(f"put the example's data files into {drop} (see its README)")
        return
    for path in sorted(data.iterdir()):
        if path.is_file():
            shutil.copyfile(path, drop / path.name)
            click.echo(f"wrote {drop / path.name}")


@click.group()
def catalog() -> None:
    """The site's configuration."""


@catalog.command("check")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
def check(directory: Path | None) -> None:
    """Say what is wrong with the configuration, each with file and line, or that nothing is."""
    settings = load_settings()
    chosen = directory or (settings.catalog_dir if settings.catalog_dir.is_dir() else None)
    found = load_catalog(chosen, connector_models())
    counts = [
        wording.plural(len(found.entities), "entity", "entities"),
        wording.plural(len(found.systems), "system"),
        wording.plural(len(found.feeds), "feed"),
        wording.plural(len(found.checks), "check"),
        wording.plural(len(found.categories), "category", "categories"),
    ]
    for plugin in foreign():
        if plugin.problem:
            click.echo(f"warning: {plugin.said} cannot be used: {plugin.problem}", err=True)
    click.echo(f"{chosen or 'shipped packs only'}: in order. {', '.join(counts)}; digest {found.digest[:12]}")


@catalog.command("plugins")
def list_plugins() -> None:
    """Connectors and file formats of other packages, and why one of them cannot be used."""
    rows = [(each.name, each.group, each.package, each.problem or "in order") for each in foreign()]
    table(("name", "entry point", "package", "state"), rows)


@catalog.command("additions")
def list_additions() -> None:
    """Print what people added on the page of causes and is in force, as YAML to move into the configuration."""
    engine = open_engine(load_settings())
    try:
        with Session(engine) as session:
            text = additions.exported(reading(session), utc_now())
    finally:
        engine.dispose()
    click.echo(text or "# nothing was added to the files", nl=not text)


@click.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
def upgrade() -> None:
    """Bring the tables to the newest layout. Safe to repeat."""
    engine = open_engine(load_settings())
    try:
        schema.upgrade(engine)
    finally:
        engine.dispose()
    click.echo("the database is at the newest layout")


COMMANDS = (init, catalog, db)
