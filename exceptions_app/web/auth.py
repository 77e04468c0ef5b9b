"""Signing in and out, and the two things a person may set about themselves: look and time zone."""

from __future__ import annotations

from hmac import compare_digest
from secrets import token_urlsafe
from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, current_app, flash, g, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user
from sqlalchemy import BindParameter, Integer, bindparam, select
from sqlalchemy.orm import joinedload

from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db, login_manager
from exceptions_app.models import EVERYTHING, User
from exceptions_app.queries import notices, words
from exceptions_app.runtime import runtime
from exceptions_app.services import people, signing_in

from . import gate, hx
from .forms import FormError, end_of
from .gate import PUBLIC, SIGNED_IN, needs
from .transaction import transactional

blueprint = Blueprint("auth", __name__)
THEMES = ("auto", "light", "dark")
_SESSION = "sid"
"""What tells one signed-in browser from another: signing out ends it, and every copy of its cookie."""
_ASKED: BindParameter[int] = bindparam("person", type_=Integer)
_PERSON = (
    select(User, notices.unread(_ASKED))
    .options(joinedload(User.queues), joinedload(User.entities))
    .where(User.id == _ASKED)
)


def install(app: Flask) -> None:
    del app

    login_manager.user_loader(_load)


def _load(session_id: str) -> User | None:
    """The person with queues, entities and the number of unread notices in one statement: every page asks for all
    four. Nobody, where the session was signed out, or begun with a password that has been replaced.
    """
    user_id, _, _ = session_id.partition(".")
    if not user_id.isdecimal():
        return None
    found = db.session.execute(_PERSON, {"person": int(user_id)}).unique().one_or_none()
    if found is None:
        return None
    user, g.unread_notices = found
    if not user.active or not compare_digest(user.get_id().encode(), session_id.encode()):
        return None
    return None if user.has_ended(session.get(_SESSION, "")) else user


def _sign_in(email: str, password: str) -> User:
    """The slow check of the password first, while others may write; then what is written."""
    try:
        return _try_sign_in(email, password)
    except signing_in.PasswordMovedError:  # two may sign in at once while the first renews the hash
        return _try_sign_in(email, password)


def _try_sign_in(email: str, password: str) -> User:
    settings = runtime().settings
    db.session.rollback()  # whatever was begun to find out who asks
    made = signing_in.attempt(db.session(), email, password, utc_now(), settings)
    db.session.rollback()
    return signing_in.sign_in(db.session(), made, utc_now(), settings)


@blueprint.get("/sign-in")
@needs(PUBLIC)
def sign_in() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return hx.go_to(url_for("my_work.index"))
    return render_template("auth/index.html", email="", problem=None, next=_safe(request.args.get("next")))


@blueprint.post("/sign-in")
@needs(PUBLIC)
@transactional
def sign_in_now() -> ResponseReturnValue:
    email, onward = request.form.get("email", ""), _safe(request.form.get("next"))
    try:
        user = _sign_in(email, request.form.get("password", ""))
    except signing_in.SignInError as error:
        page = render_template("auth/index.html", email=email, problem=str(error), next=onward)
        return page, 429 if isinstance(error, signing_in.LockedOutError) else 401
    session.clear()  # what was there before signing in does not follow
    session.permanent = True
    session[_SESSION] = token_urlsafe(12)
    login_user(user)
    return hx.go_to(onward or url_for("my_work.index"))


@blueprint.post("/sign-out")
@needs(SIGNED_IN)
@transactional
def sign_out() -> ResponseReturnValue:
    lifetime = current_app.permanent_session_lifetime
    signing_in.sign_out(db.session(), gate.user().id, session.get(_SESSION, ""), utc_now(), lifetime)
    logout_user()
    session.clear()
    return hx.go_to(url_for("auth.sign_in"))


@blueprint.post("/me/theme")
@needs(SIGNED_IN)
@transactional
def set_theme() -> ResponseReturnValue:
    theme = request.form.get("theme", "")
    if theme not in THEMES:
        abort(400)
    gate.user().theme = theme
    return hx.go_to(_safe(request.form.get("next")) or url_for("my_work.index"))


@blueprint.post("/me/password")
@needs(SIGNED_IN)
@transactional
def set_password() -> ResponseReturnValue:
    user, settings = gate.user(), runtime().settings
    try:
        _sign_in(user.email, request.form.get("current", ""))
        people.set_password(
            db.session(),
            user,
            request.form.get("password", ""),
            by=f"user:{user.id}",
            now=utc_now(),
            cheap=settings.cheap_passwords,
        )
    except (signing_in.SignInError, people.PersonError) as error:
        wrong = isinstance(error, signing_in.SignInError)
        said = "The current password is not right." if wrong else str(error)
        return _account(said), 422
    login_user(user)  # this session goes on; all others have ended
    flash("Your password has been changed.", "green")
    return hx.go_to(url_for("auth.me"))


@blueprint.post("/me/away")
@needs(SIGNED_IN)
@transactional
def set_away() -> ResponseReturnValue:
    """Until the end of a day: no rule gives this person work before."""
    try:
        until = end_of("until")
    except FormError as error:
        flash(str(error), "amber")
        return hx.go_to(url_for("auth.me"))
    people.set_away(db.session(), gate.user(), until, now=utc_now())
    flash("You are given work again." if until is None else "No rule gives you work until then.", "green")
    return hx.go_to(url_for("auth.me"))


@blueprint.get("/me")
@needs(SIGNED_IN)
def me() -> ResponseReturnValue:
    return _account(None)


def _account(problem: str | None) -> str:
    """The page of one's own account; queues and entities by their names."""
    catalog, person = runtime().catalog, gate.user()
    queues = [each.queue for each in person.queues]
    entities = [each.entity for each in person.entities]
    return render_template(
        "auth/me.html",
        problem=problem,
        queues=["All" if code == EVERYTHING else words.queue_name(catalog, code) for code in queues],
        entities=["All" if code == EVERYTHING else words.entity_name(catalog, code) for code in entities],
    )


def _safe(target: str | None) -> str:
    """A path on this site, or nothing: a sign-in form must not send people elsewhere."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return ""
    if not target.isprintable():  # a line break would end the header that names it
        return ""
    parts = urlsplit(target)
    return "" if parts.scheme or parts.netloc else target
