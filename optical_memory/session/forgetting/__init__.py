"""Forgetting: the policy, and the plan of who fades when."""
