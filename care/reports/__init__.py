"""Books and other figures that prove what was promised."""
