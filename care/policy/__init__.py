"""What may be said to whom when: consent rules, contact hours, caps, opt-out words and SMS wording per country."""
