"""A check and tables in, discrepancies out. Pure: loads no Flask, no SQLAlchemy; reads no clock."""
