"""Commands that look after sessions: what fades, what is wrong, what goes."""
