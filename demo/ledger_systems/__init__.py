"""Systems that keep lists: stock, items, awards, ledgers and masters, and what is planted into them.

Each is a store of tables served as JSON pages; what is wrong or only looks wrong is one row altered.
"""
