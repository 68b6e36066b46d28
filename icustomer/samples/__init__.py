"""Companies that the product ships: the invented Northlake, and flows for well-known public data sets."""
