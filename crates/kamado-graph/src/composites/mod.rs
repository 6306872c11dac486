//! Functions that are made of several operators. Their gradients follow from those of the operators.

mod activations;
mod losses;
mod normalization;
