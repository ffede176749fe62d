"""A year of tickets on a virtual clock, answered by people who shuffle, double and forget."""
