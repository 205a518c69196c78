"""Instructions in quoted text: signs that a person can read, and a small linear model over them."""
