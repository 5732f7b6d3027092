"""What makes, checks and publishes the course; no notebook imports it."""
