"""The film reviews as they are shipped: compressed, with their licence and where they come from."""
