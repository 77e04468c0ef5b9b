"""Each benchmark measures a floor, a peer and ours in one invocation; one JSON line per figure."""
