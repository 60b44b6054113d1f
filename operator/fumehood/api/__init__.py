"""The resources as users see them: models, conditions, and the CRD documents made from them."""
