"""What runs beside hostile code: runner and collector. Standard library only."""
