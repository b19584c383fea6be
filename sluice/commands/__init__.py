"""One module per family of subcommands; each translates argv to one Backend call and prints."""
