"""Running a guide and a model on a batch, and what follows: bounds, weights, posterior and predictive draws."""

__all__: list[str] = []
