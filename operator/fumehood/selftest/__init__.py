"""The hostile corpus as a product: attacks as jobs, and whether they came to what they must come to."""
