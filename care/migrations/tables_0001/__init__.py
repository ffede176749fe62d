"""The tables of step 0001, as they were laid; never changed again."""
