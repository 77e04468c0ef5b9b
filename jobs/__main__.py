"""`python -m jobs` is `tieout`."""

from .cli import main

main()
