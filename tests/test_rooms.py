"""The pure rooms stay pure: loaded in a fresh interpreter, they bring neither Flask nor SQLAlchemy along."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["domain", "catalog", "reconcile"])
def test_pure_rooms_load_neither_flask_nor_sqlalchemy(package: str) -> None:
    program = (
        "import importlib, pkgutil, sys\n"
        f"import exceptions_app.{package} as room\n"
        "for module in pkgutil.walk_packages(room.__path__, room.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(*sorted({'flask', 'sqlalchemy', 'apscheduler'} & set(sys.modules)))\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []


def test_importing_the_package_loads_nothing() -> None:
    program = "import sys, exceptions_app; print({'flask', 'duckdb'} & set(sys.modules) or '')"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
