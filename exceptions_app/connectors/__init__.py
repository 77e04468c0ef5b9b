"""How a system is read: one protocol (`base`), one registry. Knows nothing of record types, tables or people."""
