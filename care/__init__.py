"""Proactive customer care for operators: plan, send, track and prove."""

__version__ = "0.1.0"
