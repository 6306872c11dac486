//! Compiles a graph to a fused plan over one memory arena and runs it.
//!
//! ```text
//! Graph ─ passes → Schedule (groups of nodes, one kernel each) ─ memory plan, lowering → Plan (for one batch size)
//! ```
//!
//! A [`Session`] holds a graph and its plans, a [`Store`] the values of variables, a [`Runtime`] the threads.
#![deny(unsafe_code)]

// All unsafe code of the engine is in this file.
#[allow(unsafe_code)]
mod arena;
mod arithmetic;
mod error;
mod footprint;
mod group;
mod lower;
mod memory_limit;
mod memory_plan;
mod passes;
mod plan;
mod profile;
mod runtime;
mod session;
mod store;
mod uses;
mod verify;

pub use arena::Feed;
pub use arithmetic::arithmetic;
pub use error::EngineError;
pub use footprint::Footprint;
pub use memory_limit::{MemoryReport, within};
pub use passes::Fusion;
pub use runtime::Runtime;
pub use session::{Outputs, Session};
pub use store::Store;
