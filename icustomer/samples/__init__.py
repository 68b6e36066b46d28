"""Companies that come with the product: the invented Northlake, and flows for public data sets."""
