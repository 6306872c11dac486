//! Shapes, operators, the graph, automatic differentiation and the f64 reference interpreter.
//!
//! A [`Graph`](graph::Graph) is built for a symbolic batch size `B`, differentiated by adding nodes, and handed to the
//! engine. Every operator is one file in [`ops`], with its shape rule, gradient, naive f64 result and test cases.
#![forbid(unsafe_code)]

mod autodiff;
mod composites;
pub mod error;
pub mod graph;
pub mod interpreter;
mod mixed_precision;
pub mod op;
pub mod ops;
pub mod per_example;
mod recompute;
pub mod rng;
pub mod shape;
pub mod tensor;
pub mod testing;
mod text;
pub mod update;
mod verify;
