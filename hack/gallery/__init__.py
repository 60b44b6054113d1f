"""Real analyses that nobody wrote for Fumehood: what becomes of them."""
