"""`tieout user`: who may sign in."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import click
from sqlalchemy import select

from exceptions_app.domain.instant import utc_now
from exceptions_app.models import EVERYTHING, Role, User
from exceptions_app.services import people

from ..install import opened

BY = "system:command"


@click.group()
def user() -> None:
    """People: add, list, set a password."""


@user.command("add")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--queue", "queues", multiple=True, help="a queue they work in; none given: all")
@click.option(
    "--entity", "entities", multiple=True, help="an entity they see, with all below it; none given: all"
)
@click.option("--time-zone", default="UTC", show_default=True)
@click.option("--password", help="default: one is made and printed")
def add(
    email: str,
    name: str,
    role: str,
    queues: tuple[str, ...],
    entities: tuple[str, ...],
    time_zone: str,
    password: str | None,
) -> None:
    """Add a person."""
    chosen = password or secrets.token_urlsafe(12)
    with opened() as install:
        catalog = install.runtime.catalog
        _known("queue", queues, catalog.queues)
        _known("entity", entities, catalog.entities)
        with _mendable(), install.transaction() as session:
            people.create_user(
                session,
                email=email,
                name=name,
                password=chosen,
                role=Role(role),
                queues=queues or (EVERYTHING,),
                entities=entities or (EVERYTHING,),
                time_zone=time_zone,
                by=BY,
                now=utc_now(),
                cheap=install.runtime.settings.cheap_passwords,
            )
    click.echo(f"added {email} ({role})" + ("" if password else f", password {chosen}"))


@user.command("list")
def list_people() -> None:
    """Everybody who may sign in."""
    with opened() as install, install.transaction() as session:
        for person in session.scalars(select(User).order_by(User.email)):
            scope = (
                ", ".join(q.queue for q in person.queues)
                + " / "
                + ", ".join(e.entity for e in person.entities)
            )
            state = "" if person.active else " (may not sign in)"
            click.echo(f"{person.email:40} {person.role:20} {scope}{state}")


@user.command("set-password")
@click.argument("email")
@click.option("--password", help="default: one is made and printed")
def set_password(email: str, password: str | None) -> None:
    """Give a person a new password; ends a lock-out."""
    chosen = password or secrets.token_urlsafe(12)
    with opened() as install, _mendable(), install.transaction() as session:
        person = people.user_by_email(session, email)
        if person is None:
            raise click.ClickException(f"{email} is no account")
        cheap = install.runtime.settings.cheap_passwords
        people.set_password(session, person, chosen, by=BY, now=utc_now(), cheap=cheap)
    click.echo(f"changed {email}" + ("" if password else f", password {chosen}"))


def _known(what: str, given: Iterable[str], codes: Collection[str]) -> None:
    for code in given:
        if code != EVERYTHING and code not in codes:
            raise click.ClickException(f"{code!r} is no {what}; known are {', '.join(sorted(codes))}")


@contextmanager
def _mendable() -> Iterator[None]:
    """What is wrong with a person's data is one line."""
    try:
        yield
    except people.PersonError as error:
        raise click.ClickException(str(error)) from error


COMMANDS = (user,)
