"""Look-alikes of the providers `care` speaks to, started as processes of their own."""
