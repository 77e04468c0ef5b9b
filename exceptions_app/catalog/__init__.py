"""Configuration as code: what the YAML may say, how it is read, and how a wrong file is refused."""
