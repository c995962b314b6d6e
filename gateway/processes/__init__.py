"""The processes of `serve`: supervisor, receiver, their watch and their chores."""
