"""Surveys: what customers answer when they are asked how it went."""
