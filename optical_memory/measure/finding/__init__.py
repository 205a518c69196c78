"""How well the right turns are found: questions with evidence, windows, baselines and needles."""
