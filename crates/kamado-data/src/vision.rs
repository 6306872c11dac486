//! From pictures to the numbers of a network.
