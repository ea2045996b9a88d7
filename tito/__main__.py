"""`python -m tito` is the command `tito`, without an installation."""

from tito.cli import main

main()
