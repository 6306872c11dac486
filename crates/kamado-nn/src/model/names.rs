//! Automatic names, as in Keras: `dense`, `dense_1`, `dense_2`, …

use std::collections::{HashMap, HashSet};

/// Hands out names.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    used: HashSet<String>,
    next: HashMap<String, usize>,
}

impl Names {
    /// The first free name that begins with `base`.
    pub(super) fn automatic(&mut self, base: &str) -> String {
        loop {
            let n = self.next.entry(base.to_owned()).or_default();
            let name = if *n == 0 { base.to_owned() } else { format!("{base}_{n}") };
            *n += 1;
            if self.used.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Marks a name that the user gave.
    pub(super) fn given(&mut self, name: &str) -> String {
        self.used.insert(name.to_owned());
        name.to_owned()
    }
}
