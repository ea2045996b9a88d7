"""The class on GitHub: what is published, whose repositories there are, what they are brought."""
