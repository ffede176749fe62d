"""Adapters to providers, one module each, behind one port."""
