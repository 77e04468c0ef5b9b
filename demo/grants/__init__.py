"""Awards, what is spent on them, effort and cost transfers, and what can be wrong with them."""
