"""Who watches the house: the books against the provider, the table of alarms, alerts, and the beat heard outside."""
