"""How a system is read: one protocol, one registry. Knows nothing of record types, tables or people."""
