"""The tables of step 0009, as they were laid; never changed again."""
