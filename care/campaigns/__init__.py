"""Campaign files, occasion kinds, templates and their checks."""
