"""What waits to be mailed to a person becomes one message. Knows no server: that is `jobs.mail`'s."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from exceptions_app.access import sees_case, viewer_for
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import wording
from exceptions_app.models import ExceptionCase, Mail, Notice, User
from exceptions_app.queries.words import zone_of

from .context import ActionContext
from .notices import awake

MOST_LINES = 40
"""Lines of one message; the rest is counted."""
LEASE = timedelta(minutes=10)
"""A message that was being sent when its process died is sent again after this, under the same Message-ID."""
MAX_TRIES = 8
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=2), timedelta(hours=6)


def compose(session: Session, ctx: ActionContext, public_url: str, *, most: int = 100) -> int:
    """One message to each of up to `most` people of whom a notice has waited long enough; how many messages.

    Whatever else waits for the same person goes with it. What the person may no longer see is left out. Who has
    quiet hours by now gets it after them.
    """
    due = select(Notice.user_id).where(Notice.mail_id.is_(None), Notice.mail_after <= ctx.now)
    readers = session.scalars(due.distinct().order_by(Notice.user_id).limit(most)).all()
    return sum(_compose(session, ctx, public_url, user_id) for user_id in readers)


def _compose(session: Session, ctx: ActionContext, public_url: str, user_id: int) -> int:
    waiting = select(Notice).where(
        Notice.user_id == user_id, Notice.mail_id.is_(None), Notice.mail_after.is_not(None)
    )
    notices = session.scalars(waiting.order_by(Notice.id)).all()
    user = session.get_one(User, user_id)
    if (after := awake(user, ctx.now)) > ctx.now:
        _mark(session, notices, mail_after=after)
        return 0
    theirs = _visible(session, ctx.catalog, user, notices) if _wants(user) else []
    if not theirs:
        _drop(session, notices)
        return 0
    lines = [_line(notice, case, zone_of(user.time_zone), public_url) for notice, case in theirs]
    mail = Mail(
        user_id=user_id, recipient=user.email, subject=_subject(ctx.catalog, [one for one, _ in theirs]),
        body=_body(user, lines, public_url), message_id=f"<{uuid.uuid4().hex}@tieout>", not_before=ctx.now,
        created_at=ctx.now, correlation_id=ctx.correlation_id,
    )  # fmt: skip
    session.add(mail)
    session.flush()
    _mark(session, notices, mail_id=mail.id)
    return 1


def _wants(user: User) -> bool:
    return user.active and user.mail_notices


def _visible(
    session: Session, catalog: Catalog, user: User, notices: Sequence[Notice]
) -> list[tuple[Notice, ExceptionCase | None]]:
    """Those whose exception the person sees today, with it."""
    viewer = viewer_for(user, catalog)
    ids = {notice.case_id for notice in notices if notice.case_id is not None}
    cases = {c.id: c for c in session.scalars(select(ExceptionCase).where(ExceptionCase.id.in_(ids)))}
    found = [(notice, cases.get(notice.case_id or 0)) for notice in notices]
    return [(notice, case) for notice, case in found if case is None or sees_case(viewer, case)]


def _line(notice: Notice, case: ExceptionCase | None, zone: tzinfo, public_url: str) -> str:
    due = "" if case is None or case.due_at is None else f"\n  due {wording.instant(case.due_at, zone)}"
    text = " ".join(notice.text.split())  # no value of a record begins a line of its own
    return f"- {text}{due}\n  {public_url}{notice.link}"


def _subject(catalog: Catalog, notices: Sequence[Notice]) -> str:
    """One line, whatever a sentence holds."""
    one = len(notices) == 1
    first = " ".join(notices[0].text.split()) if one else wording.plural(len(notices), "notice")
    return f"{catalog.site.name}: {first}"[:180]


def _body(user: User, lines: Sequence[str], public_url: str) -> str:
    more = len(lines) - MOST_LINES
    shown = "\n\n".join(lines[:MOST_LINES]) + (
        f"\n\nand {more} more: {public_url}/notices" if more > 0 else ""
    )
    return (
        f"{user.name},\n\n{shown}\n\n--\nTimes are in {user.time_zone}. "
        f"When mail reaches you, and whether: {public_url}/me\n"
    )


def _drop(session: Session, notices: Sequence[Notice]) -> None:
    """They stay on screen, and are never mailed."""
    _mark(session, notices, mail_after=None)


def _mark(session: Session, notices: Sequence[Notice], **values: object) -> None:
    ids = [notice.id for notice in notices]
    marked = update(Notice).where(Notice.id.in_(ids)).values(**values)
    session.execute(marked.execution_options(synchronize_session=False))


def claim(session: Session, now: datetime) -> Mail | None:
    """The message that has waited longest, marked as being sent; None when none is due. Commit before sending.

    One whose reader has quiet hours by now is put off until they end; one whose reader has left, or wants no mail any
    more, is dropped.
    """
    due = select(Mail).where(Mail.status.in_(("waiting", "sending")), Mail.not_before <= now)
    first = due.order_by(Mail.not_before, Mail.id).limit(1).with_for_update(skip_locked=True)
    while (mail := session.scalar(first)) is not None:
        reader = session.get_one(User, mail.user_id)
        if not _wants(reader):
            mail.status = "dropped"
            session.flush()
            continue
        after = awake(reader, now)
        if after <= now:
            mail.status, mail.tries, mail.not_before = "sending", mail.tries + 1, now + LEASE
            session.flush()
            return mail
        mail.not_before = after
        session.flush()
    return None


def sent(session: Session, mail_id: int, now: datetime) -> None:
    mail = session.get_one(Mail, mail_id)
    mail.status, mail.sent_at, mail.error = "sent", now, None


def not_sent(session: Session, mail_id: int, now: datetime, error: str, *, permanent: bool) -> bool:
    """Keep why, and when to try again; False where nobody tries again: it is undeliverable, and shown as that."""
    mail = session.get_one(Mail, mail_id)
    mail.error = error[:500]
    if permanent or mail.tries >= MAX_TRIES:
        mail.status = "failed"
        return False
    mail.status = "waiting"
    mail.not_before = now + min(_FIRST_WAIT * 2 ** (mail.tries - 1), _LONGEST_WAIT)
    return True
