//! What data look like, for people.
