"""Pictures of every screen, made from the demo with time standing still."""
