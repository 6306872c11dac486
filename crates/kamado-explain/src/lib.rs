//! Why a model said what it said, and whether the answer can be trusted.
//!
//! An [`Explainer`] attributes a model's answer to the numbers of its input. The methods work on the graph: a gradient
//! is more nodes, a layer is a node, an embedded token is a node that becomes an input. Every [`Explanation`] carries
//! its [`checks`]: one that fails them says so.
#![forbid(unsafe_code)]

mod attention;
pub mod card;
pub mod checks;
pub mod concept;
pub mod counterfactual;
mod error;
pub mod examples;
mod explainer;
mod explanation;
pub mod global;
mod groups;
mod method;
mod methods;
mod network;
pub mod page;
pub mod raw;
mod request;
mod rewrite;
mod runner;
mod sample;
pub mod shortcuts;
mod stats;
mod target;

pub use attention::{AttentionMap, Fuse, rollout};
pub use error::{ExplainError, Result};
pub use explainer::Explainer;
pub use explanation::{Attribution, Explanation, Space};
pub use groups::Groups;
pub use method::Method;
pub use request::Request;
pub use sample::{Sample, Values};
