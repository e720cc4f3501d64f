"""Recipes: from data to the weights that ship."""
