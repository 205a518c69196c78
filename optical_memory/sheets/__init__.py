"""Sheets: recalled passages drawn for the agent's own model, which looks at pixels."""
