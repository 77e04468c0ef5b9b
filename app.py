"""The WSGI application: `gunicorn app:app`, `flask --app app`."""

from exceptions_app import create_app

app = create_app()
