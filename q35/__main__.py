"""`python -m q35`."""

from q35.cli import main

main()
