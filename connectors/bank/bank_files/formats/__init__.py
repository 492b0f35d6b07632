"""One reader per family of formats. Each yields (statement, entry) pairs and knows nothing of folders or tables."""
