"""Tells people what happened: on screen from the trail, and by mail, a digest at a time.

A message is claimed, then sent, then marked: a process that dies in between leaves it to be sent once more, under the
same Message-ID, by which mail systems know it again. The network is never inside a transaction.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Secret
from exceptions_app.config import Settings
from exceptions_app.connectors.base import TransportError
from exceptions_app.connectors.references import reveal
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import Mail, Task
from exceptions_app.services import mail_digest, notices

from .work import Work

log = logging.getLogger(__name__)

_FIRST_LOOK = timedelta(days=1)
_TIMEOUT = 30.0


def tell(work: Work) -> Mapping[str, Any]:
    """The handler of `tell` tasks: notices for what the trail says since the last one was done."""
    mails = bool(work.runtime.settings.smtp_host)
    with work.reading() as session:
        since = _since(session, work.task_id)
    told, last = 0, 0
    while True:
        context = work.context()
        with work.transaction() as session:
            more, last = notices.tell(session, context, since, mails=mails, after_id=last)
        told += more
        if not last:
            return {"told": told}
        work.go_on()


def _since(session: Session, task_id: int) -> datetime:
    done = select(func.max(Task.started_at)).where(
        Task.kind == "tell", Task.status == "done", Task.id != task_id
    )
    found = session.scalar(done)
    return utc_now() - _FIRST_LOOK if found is None else found - notices.LATE_COMMITS


def send(work: Work) -> Mapping[str, Any]:
    """The handler of `mail` tasks: composes what has waited long enough, and sends what is due."""
    settings = work.runtime.settings
    if not settings.smtp_host:
        return {"composed": 0, "sent": 0, "failed": 0}
    done = {"composed": 0, "sent": 0, "failed": 0}
    while True:
        context = work.context()
        with work.transaction() as session:
            composed = mail_digest.compose(session, context, settings.public_url)
        done["composed"] += composed
        if not composed:
            break
    while (mail := _claimed(work)) is not None:
        work.go_on()
        done["sent" if _deliver(work, settings, mail) else "failed"] += 1
    return done


def _claimed(work: Work) -> Mail | None:
    with work.transaction() as session:
        return mail_digest.claim(session, utc_now())


def _deliver(work: Work, settings: Settings, mail: Mail) -> bool:
    problem = _post(settings, mail)
    with work.transaction() as session:
        if problem is None:
            mail_digest.sent(session, mail.id, utc_now())
            return True
        error, permanent = problem
        log.warning("mail %d to person %d was not sent: %s", mail.id, mail.user_id, error)
        mail_digest.not_sent(session, mail.id, utc_now(), error, permanent=permanent)
    return False


def _post(settings: Settings, mail: Mail) -> tuple[str, bool] | None:
    """Hand one message to the server; else why not, and whether trying again is pointless."""
    try:
        with _connected(settings) as server:
            server.send_message(_message(settings, mail))
    except smtplib.SMTPRecipientsRefused as error:
        code, why = next(iter(error.recipients.values()))
        return f"{mail.recipient} was refused: {code} {_text(why)}", code >= 500
    except smtplib.SMTPResponseException as error:
        return f"the mail server said {error.smtp_code} {_text(error.smtp_error)}", False
    except (OSError, smtplib.SMTPException, ValueError, TransportError) as error:
        return f"{settings.smtp_host}:{settings.smtp_port}: {error}", False
    return None


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said


def _connected(settings: Settings) -> smtplib.SMTP:
    where = (settings.smtp_host, settings.smtp_port)
    if settings.smtp_tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            *where, timeout=_TIMEOUT, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(*where, timeout=_TIMEOUT)
    try:
        if settings.smtp_tls == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, _password(settings))
    except BaseException:
        server.close()
        raise
    return server


def _password(settings: Settings) -> str:
    scheme, _, target = settings.smtp_password.partition(":")
    return reveal(Secret(scheme, target), "TIEOUT_SMTP_PASSWORD") if target else ""


def _message(settings: Settings, mail: Mail) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = settings.mail_from, mail.recipient
    message["Subject"], message["Date"] = mail.subject, mail.created_at
    message["Message-ID"], message["Auto-Submitted"] = mail.message_id, "auto-generated"
    message.set_content(mail.body)
    return message
