//! A training run as a TOML file: data, model and training in Keras's terms.
//!
//! [`Recipe::parse`] accepts nothing it does not understand, and says where the mistake is; [`Recipe::to_toml`] writes
//! every setting out, the defaults included, and reading that gives the same recipe.
//!
//! ```
//! use kamado_train::recipe::Recipe;
//!
//! let text = r#"
//!     [data]
//!     source = "digits"
//!     [model]
//!     layers = [{ type = "flatten" }, { type = "dense", units = 10, activation = "softmax" }]
//!     [train]
//!     loss = "sparse_categorical_crossentropy"
//! "#;
//! let recipe = Recipe::parse("mine.toml", text)?;
//! assert_eq!(recipe.train.batch_size, 32);
//!
//! let mistake = Recipe::parse("mine.toml", &text.replace("units", "unit")).unwrap_err();
//! assert_eq!((mistake.line, mistake.column), (5, 55));
//! assert_eq!(mistake.help, "did you mean `units`?");
//! # Ok::<(), kamado_train::recipe::RecipeError>(())
//! ```

mod builtin;
mod config;
mod error;
mod json_schema;
mod layer_tables;
mod load;
mod load_raw;
mod overrides;
mod privacy_config;
mod raw_config;
mod raw_tables;
mod schema;
mod source;
pub(crate) mod suggest;
mod tables;
mod watched;

pub use builtin::{BUILTIN, Builtin};
pub use config::{DataConfig, LayerEntry, ModelConfig, Recipe, Scaling, Source, TrainConfig, Validation};
pub use error::RecipeError;
pub use json_schema::json_schema;
pub use load::Parts;
pub use privacy_config::{PrivacyConfig, Sampling};
pub use raw_config::{RawConfig, SplitConfig, TableDefaults};
pub use source::RecipeText;
