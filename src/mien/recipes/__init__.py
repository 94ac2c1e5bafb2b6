"""Recipes, one TOML file each: `mien train NAME` finds them here."""
