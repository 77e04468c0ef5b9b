"""The writes. Each function flushes and never commits: the edges (`web.transaction`, `jobs.runner`) do."""
