"""Systems that drop files: CSV, XLSX, JSON, NDJSON, gzipped or not."""
