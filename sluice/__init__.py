"""The `sluice` command: parse the command line, read settings, wire the parts, print."""

__version__ = "0.1.0"
