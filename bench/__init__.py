"""Benchmarks: each measures a floor, a peer and ours in one invocation, and prints one JSON line per figure."""
