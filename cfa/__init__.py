"""Customer-facing applications: where people work, on top of what the layers below know."""
