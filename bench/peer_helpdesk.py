"""django-helpdesk, the peer of the workbench: its list data and the page of one ticket, over as many tickets.

It runs on SQLite as its own guide sets it up, without teams, in a process of the harness like every subject, asked
through Django's test client as ours is through Flask's: from the request to the finished answer, without the socket.
One ticket in five is open, as with us, and its list shows what is open, reopened
or resolved, newest first, 50 at a time. It is no dependency of ours, not even for development. To have it measured:

    pip install --target /tmp/peer django-helpdesk
    TIEOUT_BENCH_PEER=/tmp/peer python -m bench.queue_page sqlite 100000

Without the variable `bench.queue_page` says that the peer was not measured.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Subject, figure, interleave

VARIABLE = "TIEOUT_BENCH_PEER"
ROWS = 50
_ADDRESSES = "bench_peer_addresses"
_APPS = (
    "admin", "auth", "contenttypes", "sessions", "messages", "staticfiles", "sites", "humanize",
)  # fmt: skip
_MIDDLEWARE = (
    "django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)  # fmt: skip
_CONTEXT = (
    "django.template.context_processors.debug", "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages",
)  # fmt: skip
_COLUMNS = (
    "id", "title", "queue_id", "created", "modified", "submitter_email", "assigned_to_id", "status", "on_hold",
    "description", "resolution", "priority", "secret_key",
)  # fmt: skip


def home() -> str | None:
    """Where it is installed; None where it is not to be measured."""
    return os.environ.get(VARIABLE)


def _begin(place: str) -> None:
    """Django, set up over the database of that folder."""
    sys.path.append(os.environ[VARIABLE])
    import django
    from django.conf import settings

    templates = {
        "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
        "OPTIONS": {"context_processors": list(_CONTEXT)},
    }  # fmt: skip
    settings.configure(
        SECRET_KEY="bench", DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=_ADDRESSES, SITE_ID=1, USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(place) / "peer.sqlite")}},
        INSTALLED_APPS=[*(f"django.contrib.{app}" for app in _APPS), "rest_framework", "helpdesk"],
        MIDDLEWARE=list(_MIDDLEWARE), TEMPLATES=[templates], STATIC_URL="/static/", MEDIA_ROOT=place,
        HELPDESK_TEAMS_MODE_ENABLED=False, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"], LOGGING_CONFIG=None,
    )  # fmt: skip
    django.setup()
    from django.urls import include, path

    addresses = ModuleType(_ADDRESSES)
    addresses.urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]  # type: ignore[attr-defined]
    sys.modules[_ADDRESSES] = addresses


def fill(place: str, size: int) -> Callable[[], int]:
    """A subject that fills the database when it is called: `size` tickets and a follow-up each."""

    def made() -> int:
        _begin(place)
        from django.contrib.auth import get_user_model
        from django.core.management import call_command
        from helpdesk.models import Queue

        call_command("migrate", verbosity=0)
        person = get_user_model().objects.create_superuser("bench", "bench@example.org", "bench")
        queues = [Queue.objects.create(title=name, slug=name) for name in ("ap", "stores")]
        with sqlite3.connect(Path(place) / "peer.sqlite") as database:
            _insert(database, "helpdesk_ticket", _COLUMNS, _tickets(size, person.id, [q.id for q in queues]))
            told = (
                (i, i, _at(i), "Opened", "found by the comparison", 1, person.id) for i in range(1, size + 1)
            )
            columns = ("id", "ticket_id", "date", "title", "comment", "public", "user_id")
            _insert(database, "helpdesk_followup", columns, told)
        return size

    return made


def _insert(database: sqlite3.Connection, table: str, columns: tuple[str, ...], rows: Any) -> None:
    """What the table wants beside the given columns is empty."""
    wanted = {
        name: "" if "char" in kind or "text" in kind else 0
        for _, name, kind, required, default, _ in database.execute(f"PRAGMA table_info({table})")
        if required and default is None and name not in columns
    }
    names = ", ".join((*columns, *wanted))
    marks = ", ".join("?" for _ in (*columns, *wanted))
    rest = tuple(wanted.values())
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
    database.executemany(statement, ((*row, *rest) for row in rows))


def _at(number: int) -> str:
    return f"{datetime.now(UTC) - timedelta(minutes=number * 37 % 43_200):%Y-%m-%d %H:%M:%S.%f}"


def _tickets(size: int, person: int, queues: list[int]) -> Any:
    for i in range(1, size + 1):
        supplier, status = f"Supplier {i % 900}", 1 if i % 5 == 0 else 4
        said = f"{supplier} charged ${i % 977}.75, the order says ${i % 977}.00."
        title, owner = f"PO-{i:07d}/{i % 7} {supplier}", person if i % 25 == 0 else None
        yield (
            i, title, queues[0 if i % 4 else 1], _at(i), _at(i), "someone@example.org", owner, status, i % 85 == 0,
            said, "", 3, "secret",
        )  # fmt: skip


def _client(place: str) -> Any:
    _begin(place)
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.get(username="bench"))
    return client


def list_data(place: str) -> Callable[[], int]:
    """A subject: the first page of what is live, as the list of tickets asks for it; how many it holds."""
    client = _client(place)
    from django.urls import reverse
    from helpdesk.query import query_to_base64

    asked = {"filtering": {"status__in": [1, 2, 3]}, "sorting": "created", "sortreverse": True}
    path = reverse("helpdesk:datatables_ticket_list", args=[query_to_base64(asked)])

    def render() -> int:
        answer = client.get(path, {"draw": "1", "start": "0", "length": str(ROWS)})
        assert answer.status_code == 200, answer.status_code
        found = len(answer.json()["data"])
        assert found == ROWS, found
        return found

    return render


def ticket(place: str) -> Callable[[], int]:
    """A subject: the page of one ticket."""
    client = _client(place)
    from django.urls import reverse

    numbers = iter(range(5, 10**9, 505))

    def render() -> int:
        answer = client.get(reverse("helpdesk:view", args=[next(numbers)]))
        assert answer.status_code == 200, answer.status_code
        return len(answer.content)

    return render


def beside(ours: dict[str, Subject], size: int) -> None:
    """Our `list` and `one` beside the peer's list data and ticket of as many tickets, taking turns."""
    if home() is None:
        print(f"django-helpdesk is not measured: {VARIABLE} does not say where it is")
        return
    with tempfile.TemporaryDirectory(prefix="bench-peer-") as place:
        interleave({"fill": Subject(fill, (place, size))}, turns=1, calls=1, warm=0)
        theirs = {"list": Subject(list_data, (place,)), "one": Subject(ticket, (place,))}
        subjects = {f"ours: {name}": each for name, each in ours.items()}
        subjects |= {f"peer: {name}": each for name, each in theirs.items()}
        found = interleave(subjects, turns=2, calls=7, warm=2)
    for name, title in (
        ("list", "queue page beside its list data"),
        ("one", "exception page beside its ticket"),
    ):
        mine, peer = found[f"ours: {name}"], found[f"peer: {name}"]
        ratio = mine.seconds / peer.seconds
        figure(
            title, size, mine.seconds * 1000, "ms", against="django-helpdesk", ratio=ratio, peak=mine.peak_mb
        )
        figure(f"{title}: django-helpdesk", size, peer.seconds * 1000, "ms", peak=peer.peak_mb)
