"""The JSON API at /api/: paths, parameters and answers of the existing product, so that scripts and
tools that know it go on working.
"""
