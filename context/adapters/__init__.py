"""How this layer keeps its records; found by entry point, never imported."""
