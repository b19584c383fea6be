"""The one door to everything an operator can do."""
