"""What a reply to a survey means: a score, a refusal, a wish, or nothing that can be told for sure."""
