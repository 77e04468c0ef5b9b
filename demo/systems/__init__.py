"""The systems of the network. Each keeps its own database, in its own words, alone."""
