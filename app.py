"""The WSGI entry: `gunicorn app:app`. Everything is in `exceptions_app.create_app`."""

from exceptions_app import create_app

app = create_app()
