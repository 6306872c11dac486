//! From sounds to the numbers of a network.
