//! From text to tokens and back: a text is made uniform, cut into tokens, and brought to one length.

mod augment;
mod bucket;
mod encoder;
mod input;
mod markup;
mod normalise;
mod subwords;
mod tokenizer;
mod words;

pub use augment::TextAugment;
pub use bucket::bucket_order;
pub use input::{PADDING, Side, TextConfig, TextInput, TokenizerKind, UNKNOWN};
pub use normalise::Normalise;
pub use tokenizer::Tokenizer;
pub use words::words;
