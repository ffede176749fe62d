"""The sample operator: believable customers, a week of life through the real machinery, then the live product."""
