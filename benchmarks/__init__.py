"""Side-by-side measurements. `python -m benchmarks export cli import` prints the table."""
