"""What integration brings along: its own log, and readers of files; found through entry points."""
