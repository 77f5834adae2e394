"""The only package a plugin imports: contracts, values, errors.

errors    what can go wrong, arranged by what the caller does next
problem   a problem in a user's file, with its place
values    the values that travel
filters   criteria and operators
source    what a source is
target    what a target is
adapter   what a plugin brings
commands  what a plugin's commands work with
"""
