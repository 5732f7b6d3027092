"""The bicycles as they are shipped: compressed, with their licences and where they come from."""
