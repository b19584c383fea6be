"""The HTTP endpoint (extra `http`)."""
