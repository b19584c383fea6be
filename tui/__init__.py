"""What the operator sees: a Textual app over the Backend protocol."""
