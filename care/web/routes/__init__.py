"""The doors of the web process, one module per kind of visitor."""
