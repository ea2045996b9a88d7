"""The class on GitHub: what is published, provisioned, updated and collected."""
