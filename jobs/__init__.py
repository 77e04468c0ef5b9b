"""Background work and the `tieout` command. The only place besides `web.transaction` that commits."""
