"""The GitHub side of the course. It runs from a checkout and is not in the wheel."""
