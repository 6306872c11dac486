//! From a raw row to the inputs and labels of a network: what a model keeps to treat new data as its training data.
