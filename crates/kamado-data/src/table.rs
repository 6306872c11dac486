//! From columns of a table to the numbers of a network, fitted on the training part.
