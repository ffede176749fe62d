"""The ground floor: errors, clock, ids, settings, logs, database. Knows nothing of the trade."""
