"""The course engine and its command line. It knows nothing of GitHub."""
