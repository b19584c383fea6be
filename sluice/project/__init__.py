"""Reading Prefect's project file: YAML with line numbers, templates, fields, signatures, and the diff."""
