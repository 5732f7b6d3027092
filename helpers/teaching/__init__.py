"""What the lessons need around the subject: figures, interactive figures and exercises."""
