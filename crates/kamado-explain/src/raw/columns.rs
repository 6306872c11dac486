//! Columns of a table: each is one part, whatever numbers encode it.

use kamado_data::Kind;
use kamado_data::table::TableEncoder;

use super::{Feature, Parts};
use crate::error::{ExplainError, Result};

impl Parts<'_> {
    /// The part of each number of the input `table` or `categories`; new parts are added.
    pub(super) fn columns(&self, input: &str, len: usize, features: &mut Vec<Feature>) -> Result<Vec<Option<usize>>> {
        let Some(encoder) = encoder(self.pipeline)? else { return Ok(vec![None; len]) };
        let layout = encoder.layout();
        let names = if input == "table" { &layout.names } else { &layout.index_names };
        let columns: Vec<&str> = encoder.columns().map(|(name, _)| name).collect();
        let part = |name: &String| -> Result<Option<usize>> {
            let Some(column) = column_of(name, &columns) else { return Ok(None) };
            if let Some(known) = features.iter().position(|feature| feature.name == column) {
                return Ok(Some(known));
            }
            features.push(Feature { name: column.to_owned(), value: self.value(column)? });
            Ok(Some(features.len() - 1))
        };
        let mut parts = names.iter().map(part).collect::<Result<Vec<_>>>()?;
        parts.resize(len, None);
        Ok(parts)
    }

    /// What stands in a column of the row.
    fn value(&self, column: &str) -> Result<String> {
        let Ok(column) = self.frame.column(column) else { return Ok(String::new()) };
        let missing = || "missing".to_owned();
        Ok(match column.kind() {
            Kind::Number => column.numbers()?.iter().nth(self.row).flatten().map_or_else(missing, |x| format!("{x}")),
            Kind::Category | Kind::Text => {
                column.texts()?.iter().nth(self.row).flatten().map_or_else(missing, str::to_owned)
            }
            _ => String::new(),
        })
    }
}

/// The column that an encoded number belongs to: the longest whose name it begins with.
pub(crate) fn column_of<'a>(name: &str, columns: &[&'a str]) -> Option<&'a str> {
    let belongs = |column: &&&str| {
        name.strip_prefix(**column).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '.', ':', '_']))
    };
    columns.iter().filter(belongs).max_by_key(|column| column.len()).copied()
}

/// How the pipeline encodes tables.
pub(crate) fn encoder(pipeline: &kamado_data::pipeline::Pipeline) -> Result<Option<TableEncoder>> {
    let broken = |error: serde_json::Error| {
        ExplainError::request(
            format!("the table encoding in the model cannot be read: {error}"),
            "Train the model again",
        )
    };
    let value = serde_json::to_value(pipeline).map_err(broken)?;
    serde_json::from_value(value.get("table").cloned().unwrap_or_default()).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_is_the_column() {
        let columns = ["age", "age group", "job"];
        assert_eq!(column_of("age", &columns), Some("age"));
        assert_eq!(column_of("age group = 30-40", &columns), Some("age group"));
        assert_eq!(column_of("age missing", &columns), Some("age"));
        assert_eq!(column_of("agent", &columns), None);
    }
}
