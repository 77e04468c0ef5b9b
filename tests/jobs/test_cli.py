"""The `tieout` command, as a newcomer with CSV extracts meets it."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from exceptions_app.config import load_settings
from exceptions_app.models import EVERYTHING
from exceptions_app.queries.people import unreached
from jobs.cli import tieout
from jobs.commands import demo as demo_command
from jobs.install import opened
from jobs.serve import Child, ServeError

SITE = Path(__file__).parent / "site"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in, without any setting but cheap passwords."""
    for name in ("TIEOUT_INSTANCE", "TIEOUT_CATALOG", "TIEOUT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TIEOUT_CHEAP_PASSWORDS", "true")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(tieout, list(arguments))


def said(*arguments: str, code: int = 0) -> str:
    result = call(*arguments)
    assert result.exit_code == code, result.output
    return result.output


def test_new_site_is_in_order_and_can_be_run(home: Path) -> None:
    assert "wrote instance/catalog/site.yaml" in said("init")
    assert "in order. 1 entity" in said("catalog", "check")
    assert "sweep" in said("run")
    assert said("catalog", "additions") == "# nothing was added to the files\n"


def test_existing_configuration_is_never_overwritten(home: Path) -> None:
    said("init")
    (home / "instance/catalog/site.yaml").write_text("# mine\n")
    assert "already holds a configuration" in said("init", code=1)
    assert (home / "instance/catalog/site.yaml").read_text() == "# mine\n"


def test_example_brings_its_configuration(home: Path) -> None:
    said("init", "there", "--example", "bpi2019")
    assert list((home / "there/instance/catalog").glob("*.yaml"))
    assert "in order" in said("catalog", "check", "there/instance/catalog")


def test_unknown_example_names_those_there_are(home: Path) -> None:
    assert "there is bpi2019" in said("init", "--example", "bpi", code=1)


def test_wrong_configuration_starts_nothing_and_says_file_and_line(home: Path) -> None:
    said("init")
    (home / "instance/catalog/wrong.yaml").write_text(
        "queues:\n  - {code: desk, name: Desk, calender: office}\n"
    )
    text = said("run", code=1)
    assert "wrong.yaml:2" in text and "nothing was started" in text
    assert "Traceback" not in text


def test_wrong_setting_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_JOB_PROCESSES", "none")
    assert "TIEOUT_JOB_PROCESSES='none': expected a whole number" in said("feed", "list", code=1)


def test_people_are_added_listed_and_given_passwords(home: Path) -> None:
    said("init")
    added = said(
        "user",
        "add",
        "ana@example.org",
        "--name",
        "Ana",
        "--role",
        "specialist",
        "--queue",
        "accounts_payable",
    )
    assert "password " in added
    assert "accounts_payable / *" in said("user", "list")
    assert "changed ana@example.org" in said("user", "set-password", "ana@example.org")
    assert "is no account" in said("user", "set-password", "bob@example.org", code=1)
    assert "already an account" in said(
        "user", "add", "ana@example.org", "--name", "A", "--role", "manager", code=1
    )
    assert "is no queue" in said(
        "user", "add", "b@example.org", "--name", "B", "--role", "manager", "--queue", "x", code=1
    )


def test_run_prints_what_came_of_it_and_export_writes_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = (SITE / "site.yaml").read_text()
    rows = [
        {
            "entity": "H01",
            "order": "0007",
            "supplier": "Medline",
            "quantity": 3,
            "ordered_at": "2026-01-05T10:00:00Z",
        }
    ]
    mapping = "    mapping: {entity: entity, order_number: order, supplier:"
    site = site.replace(mapping, f"    read: {{rows: {json.dumps(rows)}}}\n{mapping}")
    (home / "instance/catalog").mkdir(parents=True)
    (home / "instance/catalog/site.yaml").write_text(site)
    text = said("run")
    assert "poll:orders" in text and "stored 1" in text
    assert "check:goods.received" in text and "opened 1" in text
    assert "the trail is whole" in said("audit", "verify")
    assert "every 2 min" in said("feed", "list")
    said("user", "add", "ana@example.org", "--name", "Ana", "--role", "specialist")
    assert "1 row" in said("export", "out.xlsx", "--as", "ana@example.org")
    sheet = openpyxl.load_workbook(home / "out.xlsx")["Exceptions"]
    assert sheet["B2"].value == "0007"
    assert "is no account" in said("export", "out.xlsx", "--as", "bob@example.org", code=1)


def test_failing_feed_makes_the_run_end_with_an_error(home: Path) -> None:
    site = (
        (SITE / "site.yaml")
        .read_text()
        .replace("    mode: snapshot", "    read: {fail_after: 0}\n    mode: snapshot", 1)
    )
    (home / "instance/catalog").mkdir(parents=True)
    (home / "instance/catalog/site.yaml").write_text(site)
    text = said("run", code=1)
    assert "failed" in text and "broke off" in text


def test_corrected_mapping_reaches_old_rows_when_the_feed_is_read_again(home: Path) -> None:
    (home / "drop").mkdir()
    (home / "drop/orders.csv").write_text(
        "entity,order,supplier,quantity,ordered_at\nH01,0007,Medline,3,2026-01-05T10:00:00Z\n"
    )
    site = (SITE / "site.yaml").read_text()
    files = f"connector: files, connection: {{root: {home / 'drop'}, settle: 0s}}}}"
    site = site.replace("kind: erp, connector: rows}", f"kind: erp, {files}")
    reading = "    mode: changes\n    read: {pattern: '*.csv', format: csv, keep: true}"
    site = site.replace("    mode: snapshot", reading, 1)
    wrong = site.replace("quantity: quantity, ordered_at", "quantity: parse_decimal(supplier), ordered_at")
    (home / "instance/catalog").mkdir(parents=True)
    (home / "instance/catalog/site.yaml").write_text(wrong)
    assert "rejected 1" in said("run")
    assert "orders.csv:2  quantity  open " in said("feed", "rejects", "orders")
    (home / "instance/catalog/site.yaml").write_text(site)
    assert "stored 1" not in said("run")
    assert "from its beginning" in said("feed", "reread", "orders")
    assert "stored 1" in said("run")
    assert "orders.csv:2  quantity  settled " in said("feed", "rejects", "orders")
    assert "no feed 'order'" in said("feed", "reread", "order", code=2)
    assert "the trail is whole" in said("audit", "verify")


def test_database_is_brought_to_the_newest_layout_twice(home: Path) -> None:
    assert said("db", "upgrade") == said("db", "upgrade")


def test_demo_accounts_are_made_once_and_cover_every_role(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEOUT_CATALOG", str(demo_command._package() / "catalog"))
    with opened(load_settings()) as install:
        demo_command.add_accounts(install)
        demo_command.add_accounts(install)
        queues = {q for account in demo_command.ACCOUNTS for q in account.queues} - {EVERYTHING}
        assert queues <= set(install.runtime.catalog.queues)
        entities = {e for account in demo_command.ACCOUNTS for e in account.entities} - {EVERYTHING}
        assert entities <= set(install.runtime.catalog.entities)
        with install.transaction() as session:
            assert unreached(session, install.runtime.catalog) == [], "a breach that no function hears of"
    assert len(said("user", "list").splitlines()) == len(demo_command.ACCOUNTS)
    assert len({account.role for account in demo_command.ACCOUNTS}) == 5


def test_demo_network_that_ends_at_once_is_told(home: Path) -> None:
    import sys

    child = Child("network", [sys.executable, "-c", "raise SystemExit(3)"], {})
    with pytest.raises(ServeError, match="exit code 3"):
        demo_command.start_network(child, home / "network")
