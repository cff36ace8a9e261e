"""Transfer learning and model fusion."""
