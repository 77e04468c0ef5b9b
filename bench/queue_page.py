"""The queue at a million exceptions, 200,000 of them live: pages, counters, search and the page of one exception.

Measured: from the request to the finished HTML, through the whole application (session, gate, queries, template), in
one process, without the socket; counters and search by their SQL alone as well. Goals: a page of 50 rows, page 1 and
page 2,000, filtered and sorted, median <= 10 ms and p95 <= 25 ms in at most 6 statements (BEGIN included); counters
<= 2 ms; search <= 50 ms, broad words <= 300 ms; an exception <= 12 ms; causes, with what all live ones have in common,
<= 100 ms. A page that is asked for again finds its rows written; one after another shows what it costs else. The floor
beside it: the page's own queries.
`queue_page.py sqlite 5000000` asks the same of five million, on SQLite only. The peer is django-helpdesk with as many
tickets, where `bench.peer_helpdesk` is told where it is.
"""

from __future__ import annotations

import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import peer_helpdesk
from bench.measure import Measured, Subject, figure, interleave
from bench.queue_data import EMAIL, NOW, PASSWORD, SCOPED, application, installs

SIZE = 1_000_000
DEPTH = 2_000
LEAST_ROWS = 25  # of 50: at 100,000 the rare category fills half a page
PAGE_MS, PAGE_P95_MS, STATEMENTS = 10.0, 25.0, 6
FIRST = {
    "by due time": "",
    "by amount": "sort=-amount",
    "by cost of delay": "sort=-cost",
    "one queue, breached": "queue=ap&stage=breached",
    "one entity, oldest first": "entity=H02&sort=opened",
    "a rare category, by amount": "category=rare&sort=-amount",
    "three to five days old": "aging=3-5",
    "mine": "owner=me",
}
SEARCHES = {
    "an order": "PO-0451230", "the beginning of an order": "PO-04512", "a part": "0451235", "a supplier": "Supplier 77",
    "two words": "charged 00", "nothing": "xyzzy",
}  # fmt: skip
BROAD = {
    "a word of all": "supplier",
    "its beginning": "sup",
    "digits": "04",
    "a word of all and a rare one": "supplier 451230",
}


def _client(instance: str, url: str, email: str) -> tuple[Any, Any]:
    from exceptions_app.web_process import settled

    app = settled(application(instance, url))
    client = app.test_client()
    assert client.post("/sign-in", data={"email": email, "password": PASSWORD}).status_code == 303
    return app, client


def page(instance: str, url: str, query: str, deep: bool = False, email: str = EMAIL) -> Callable[[], int]:
    """A subject: one rendering of the queue; its number of statements."""
    from sqlalchemy import event

    from exceptions_app.extensions import db

    app, client = _client(instance, url, email)
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        path = f"/queue?{query}" + (f"&after={_cursor(email, query)}" if deep else "")

    def render() -> int:
        statements.clear()
        answer = client.get(path)
        assert answer.status_code == 200, answer.status_code
        rows = answer.text.count('name="pick"')
        assert rows >= LEAST_ROWS, rows
        return len(statements)

    return render


def onward(instance: str, url: str) -> Callable[[], int]:
    """A subject: one page after another, so that no row was ever shown before."""
    _, client = _client(instance, url, EMAIL)
    after: list[str] = []

    def render() -> int:
        answer = client.get("/queue" + (f"?after={after[-1]}" if after else ""))
        assert answer.status_code == 200, answer.status_code
        after.append(re.findall(r"[?&;]after=([^&\"#]+)", answer.text)[-1])
        return answer.text.count('name="pick"')

    return render


def causes(instance: str, url: str) -> Callable[[], int]:
    """A subject: the page of causes, with what all live exceptions have in common."""
    _, client = _client(instance, url, EMAIL)

    def render() -> int:
        answer = client.get("/causes")
        assert answer.status_code == 200, answer.status_code
        return len(answer.text)

    return render


def _cursor(email: str, query: str) -> str:
    """Where page `DEPTH` begins, or the one half way through fewer, as the address of a reader who came so far."""
    from sqlalchemy import func, select
    from werkzeug.datastructures import MultiDict

    from exceptions_app.extensions import db
    from exceptions_app.models import ExceptionCase as Case
    from exceptions_app.queries import steering
    from exceptions_app.queries.filters import QueueFilter
    from exceptions_app.runtime import runtime

    session, viewer = db.session(), _viewer(email)
    given: list[tuple[str, Any]] = [
        (name, value) for name, _, value in (p.partition("=") for p in query.split("&"))
    ]
    wanted = QueueFilter.from_args(MultiDict(given))
    order = steering.order(wanted)

    rows = select(Case.id, order.column).where(
        *steering.conditions(session, viewer, runtime().catalog, wanted, NOW)
    )
    live = session.scalar(select(func.count()).select_from(rows.subquery())) or 0
    depth = min(DEPTH, live // 100)
    row = session.execute(order.stated(rows, None, 1).offset((depth - 1) * 50 - 1)).one()
    session.rollback()
    return order.cursor(row)


def _viewer(email: str) -> Any:
    from exceptions_app.access import viewer_for
    from exceptions_app.extensions import db
    from exceptions_app.runtime import runtime
    from exceptions_app.services.people import user_by_email

    user = user_by_email(db.session(), email)
    assert user is not None
    return viewer_for(user, runtime().catalog)


def asked(instance: str, url: str, what: str, text: str = "") -> Callable[[], int]:
    """A subject: the SQL alone of a page, a search or the counters; how many rows or exceptions it found."""
    from exceptions_app.extensions import db
    from exceptions_app.queries import tally
    from exceptions_app.queries.cases import page as queue_page
    from exceptions_app.queries.filters import QueueFilter
    from exceptions_app.runtime import runtime
    from exceptions_app.services.engine import reading

    application(instance, url).app_context().push()
    viewer, catalog = _viewer(EMAIL), runtime().catalog
    db.session.rollback()

    def ask() -> int:
        session = reading(db.session())
        if what == "counters":
            by = tally.counts(session, viewer, catalog, QueueFilter(), NOW, by=("status", "stage", "aging"))
            found = sum(by.values())
        else:
            found = len(queue_page(session, viewer, catalog, QueueFilter(q=text), now=NOW).rows)
        db.session.rollback()
        return found

    return ask


def one(instance: str, url: str) -> Callable[[], int]:
    """A subject: the page of one exception."""
    from exceptions_app.domain.public_id import encode

    _, client = _client(instance, url, EMAIL)
    numbers = iter(range(5, 10**9, 505))

    def render() -> int:
        answer = client.get(f"/exceptions/{encode(next(numbers))}")
        assert answer.status_code == 200, answer.status_code
        return len(answer.text)

    return render


def _p95(found: Measured) -> float:
    return statistics.quantiles(found.times, n=20)[-1] * 1000


def _figure(name: str, size: int, found: Measured, goal: float, floor: float | None = None) -> None:
    value = found.seconds * 1000
    figure(
        name, size, value, "ms", against=None if floor is None else "its own queries",
        ratio=None if floor is None else value / floor, goal=f"<= {goal:g} ms", met=value <= goal, peak=found.peak_mb,
    )  # fmt: skip


def measure(name: str, instance: str, url: str, size: int) -> dict[str, float]:
    """The figures of one database; the medians of its pages."""
    here = (instance, url)
    pages = {f"{title}, page 1": Subject(page, (*here, query)) for title, query in FIRST.items()}
    deep = {"by due time": "", "by amount": "sort=-amount", "by age": "sort=opened"}
    pages |= {
        f"{title}, page {DEPTH:,}": Subject(page, (*here, query, True)) for title, query in deep.items()
    }
    pages["two queues of one hospital, page 1"] = Subject(page, (*here, "", False, SCOPED))
    found = interleave(pages | {"floor": Subject(asked, (*here, "page"))}, turns=2, calls=40, warm=5)
    floor = found.pop("floor").seconds * 1000
    for title, each in found.items():
        _figure(f"queue page {name}: {title}", size, each, PAGE_MS, floor)
        p95 = _p95(each)
        figure(f"queue page {name}: {title}, p95", size, p95, "ms", goal="<= 25 ms", met=p95 <= PAGE_P95_MS)
    most = max(each.result for each in found.values())
    goal = f"<= {STATEMENTS}"
    figure(f"queue page {name}: SQL statements", size, most, "statements", goal=goal, met=most <= STATEMENTS)
    others = {
        **{
            f"search {name}: {title}": (Subject(asked, (*here, "search", q)), 50.0)
            for title, q in SEARCHES.items()
        },
        **{
            f"search {name}: {title}": (Subject(asked, (*here, "search", q)), 300.0)
            for title, q in BROAD.items()
        },
        f"counters {name}": (Subject(asked, (*here, "counters")), 2.0),
        f"exception page {name}": (Subject(one, here), 12.0),
        f"queue page {name}: one after another, no row shown before": (Subject(onward, here), PAGE_MS),
        f"causes page {name}": (Subject(causes, here), 100.0),
    }
    subjects = {title: subject for title, (subject, _) in others.items()}
    for title, each in interleave(subjects, turns=2, calls=40, warm=5).items():
        _figure(title, size, each, others[title][1])
    return {title: each.seconds for title, each in found.items()}


def main() -> None:
    """`queue_page.py [sqlite] [SIZE]`."""
    for name, instance, url, size in installs("bench-queue-", SIZE):
        measure(name, instance, url, size)
        if not url:
            ours = {"list": Subject(page, (instance, "", "")), "one": Subject(one, (instance, ""))}
            peer_helpdesk.beside(ours, size)


if __name__ == "__main__":
    main()
