"""Steps that bring a database to this version's tables."""
