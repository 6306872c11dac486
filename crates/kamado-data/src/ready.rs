//! What is worked out once, when it is first used.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::error::Result;

/// Something that follows from the rest of what it belongs to: it is neither compared nor written, and clones share it.
pub(crate) struct Ready<T>(OnceLock<Arc<T>>);

impl<T> Ready<T> {
    /// The value; `make` makes it the first time.
    pub(crate) fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<&T> {
        match self.0.get() {
            Some(value) => Ok(value),
            None => {
                let value = Arc::new(make()?);
                Ok(self.0.get_or_init(|| value))
            }
        }
    }
}

impl<T> Default for Ready<T> {
    fn default() -> Self {
        Ready(OnceLock::new())
    }
}

impl<T> Clone for Ready<T> {
    fn clone(&self) -> Self {
        Ready(self.0.clone())
    }
}

impl<T> PartialEq for Ready<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> fmt::Debug for Ready<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}
