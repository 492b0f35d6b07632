"""One reader for each part of the books: it asks for changes and gives batches."""
