"""Conversations with questions and the turns that answer them: a module for each data set."""
