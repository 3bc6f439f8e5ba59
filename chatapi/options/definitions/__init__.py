"""The options, a module for each tab of the page.

Each has TAB, its name, and OPTIONS: name -> (default, meaning, type).
"""
