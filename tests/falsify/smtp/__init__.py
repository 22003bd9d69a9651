"""SMTP servers with one planted bug each, by topic: every module has MUTANTS."""
