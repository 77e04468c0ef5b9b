"""Systems whose database may be read."""
