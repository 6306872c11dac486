//! From raw files to shuffled, normalised, augmented batches.
#![forbid(unsafe_code)]
