"""Webhooks, public pages, health and the console."""
