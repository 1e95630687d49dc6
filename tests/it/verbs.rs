//! What is printed of definitions and locks.
