"""The subcommands of `tieout`, one module per kind. They print for people; the work is done elsewhere."""
