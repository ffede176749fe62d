"""What a day is: lunar dates, festivals, public holidays, working days, birthdays, and wall time in a zone."""
