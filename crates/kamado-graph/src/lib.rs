//! Shapes, operators, the graph, automatic differentiation and the f64 reference interpreter.
#![forbid(unsafe_code)]

pub mod rng;
