"""`python -m callreel` is the command `callreel`."""

from callreel.cli import main

main()
