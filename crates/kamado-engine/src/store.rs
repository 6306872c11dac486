//! The values of variables, which several sessions share by name.

use std::collections::HashMap;

use kamado_graph::graph::VariableInfo;

use crate::arena::{Arena, Place, whole_lines};
use crate::error::EngineError;

/// The values of variables, which several sessions share by name.
#[derive(Clone)]
pub struct Store {
    entries: HashMap<String, Entry>,
    pub(crate) arena: Arena,
}

#[derive(Clone)]
struct Entry {
    shape: Vec<usize>,
    offset: usize,
    len: usize,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("variables", &self.entries.len()).field("bytes", &self.bytes()).finish()
    }
}

impl Store {
    /// Storage for these variables, all zero. A variable given twice is stored once.
    ///
    /// # Errors
    /// If the system does not have the memory.
    pub fn new(variables: &[VariableInfo]) -> Result<Self, EngineError> {
        let mut entries = HashMap::new();
        let mut end = 0usize;
        for variable in variables {
            let len = variable.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).unwrap_or(usize::MAX / 8);
            entries.entry(variable.name.clone()).or_insert_with(|| {
                let offset = end;
                end = end.saturating_add(whole_lines(len.min(usize::MAX / 8)));
                Entry { shape: variable.shape.clone(), offset, len }
            });
        }
        let bytes = end.saturating_mul(size_of::<f32>());
        let arena = Arena::new(end).ok_or(EngineError::OutOfMemory { what: "the model", bytes })?;
        Ok(Store { entries, arena })
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&[f32]> {
        self.entries.get(name).map(|e| &self.arena.as_slice()[e.offset..e.offset + e.len])
    }

    /// Sets the value of a variable.
    ///
    /// # Errors
    /// If there is no such variable, or the number of elements differs.
    pub fn set(&mut self, name: &str, value: &[f32]) -> Result<(), EngineError> {
        let error = |expected: String| EngineError::Feed {
            name: name.to_owned(),
            expected,
            got: format!("{} numbers", value.len()),
        };
        let entry = self.entries.get(name).ok_or_else(|| error("to be a variable of the store".into()))?;
        if entry.len != value.len() {
            return Err(error(format!("{} numbers for shape {:?}", entry.len, entry.shape)));
        }
        let (offset, len) = (entry.offset, entry.len);
        self.arena.as_mut_slice()[offset..offset + len].copy_from_slice(value);
        Ok(())
    }

    /// The memory that the variables take, in bytes.
    pub fn bytes(&self) -> usize {
        self.arena.len() * size_of::<f32>()
    }

    /// Where each variable of a graph is stored.
    pub(crate) fn bind(&self, variables: &[VariableInfo]) -> Result<Vec<Place>, EngineError> {
        variables
            .iter()
            .map(|variable| match self.entries.get(&variable.name) {
                Some(entry) if entry.shape == variable.shape => Ok(Place::Store(entry.offset, entry.len)),
                other => Err(EngineError::Variable {
                    name: variable.name.clone(),
                    expected: variable.shape.clone(),
                    stored: other.map(|e| e.shape.clone()),
                }),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kamado_graph::graph::Role;

    #[test]
    fn values_are_kept_by_name_and_checked() {
        let info = |name: &str, shape: &[usize]| VariableInfo {
            name: name.into(),
            shape: shape.to_vec(),
            role: Role::Trainable,
        };
        let mut store = Store::new(&[info("a", &[3]), info("b", &[2, 2]), info("a", &[3])]).unwrap();
        store.set("b", &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(store.get("a"), Some([0.0; 3].as_slice()));
        assert_eq!(store.get("b"), Some([1.0, 2.0, 3.0, 4.0].as_slice()));
        assert_eq!(store.get("c"), None);
        assert!(store.set("b", &[1.0]).unwrap_err().to_string().contains("4 numbers for shape [2, 2], got 1 numbers"));
        assert!(store.set("c", &[1.0]).is_err());
        assert!(store.bind(&[info("a", &[4])]).unwrap_err().to_string().contains("[3] in the store"));
        assert!(store.bind(&[info("z", &[4])]).unwrap_err().to_string().contains("is not in the store"));
        assert!(Store::new(&[info("huge", &[usize::MAX, 3])]).is_err());
    }
}
