"""Tools without customers: time, ids, errors, events, plugins, database, definitions, pages, commands."""
