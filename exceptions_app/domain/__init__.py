"""Pure rules: data in, data out. Loads neither Flask nor SQLAlchemy, reads no clock and no file."""
