"""Passwords of tests are hashed in a hundredth of the time that it takes in operation, on purpose.

Imported before whatever hashes one; `IN_OPERATION` is what the gateway uses.
"""

from argon2 import PasswordHasher

from gateway import passwords

IN_OPERATION = passwords._HASHER
passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
