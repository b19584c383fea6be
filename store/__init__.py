"""What is kept: models, migrations, schemas, filters, one module per noun."""
