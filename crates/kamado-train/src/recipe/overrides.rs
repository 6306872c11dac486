//! `--set train.epochs=3`: a setting that is changed without touching the file.

use std::ops::Range;

use toml::Value;

use super::error::RecipeError;

/// What an override is called in errors.
const FILE: &str = "--set";

/// The text of a recipe with the setting changed that `wish`, `KEY=VALUE`, names. A value that is not TOML is taken as a string.
pub(super) fn apply(text: &str, wish: &str) -> Result<String, RecipeError> {
    let error =
        |span: Range<usize>, problem: String, help: &str| RecipeError::at(FILE, wish, span, problem, help.into());
    let Some((path, value)) = wish.split_once('=') else {
        return Err(error(0..wish.len(), "no `=` in an override".into(), "write KEY=VALUE, such as train.epochs=3"));
    };
    // The recipe was parsed before, so this cannot fail.
    let mut root: Value = text.parse::<toml::Table>().map(Value::Table).unwrap_or(Value::Table(toml::Table::new()));
    let mut place = &mut root;
    let mut end = 0;
    for step in path.trim().split('.') {
        end += step.len();
        let (key, indices) = parts(step).ok_or_else(|| {
            error(0..end, format!("`{step}` is no key"), "write names and places, such as model.layers[0].units=64")
        })?;
        // A name alone, such as `adam`, becomes a table that can hold more than the name.
        if let Value::String(name) = place {
            *place = Value::Table(toml::Table::from_iter([("type".to_owned(), Value::String(std::mem::take(name)))]));
        }
        let Value::Table(table) = place else {
            let problem = format!("what stands before `{step}` is a value without keys");
            return Err(error(0..end, problem, "`kamado check RECIPE --full` shows every key"));
        };
        place = table.entry(key).or_insert_with(|| Value::Table(toml::Table::new()));
        for index in indices {
            let count = place.as_array().map_or(0, Vec::len);
            place = place.as_array_mut().and_then(|list| list.get_mut(index)).ok_or_else(|| {
                error(0..end, format!("there is no entry {index} among {count}"), "entries are counted from 0")
            })?;
        }
        end += 1;
    }
    *place = read(value.trim());
    Ok(toml::to_string(&root).unwrap_or_default())
}

/// The mistake of an override, found in the text that it made.
pub(super) fn blame(wish: &str, found: RecipeError) -> RecipeError {
    RecipeError::at(FILE, wish, 0..wish.len(), found.problem, found.help)
}

/// `layers[0][1]` is a key and indices.
fn parts(step: &str) -> Option<(&str, Vec<usize>)> {
    let (key, mut rest) = step.split_at(step.find('[').unwrap_or(step.len()));
    let mut indices = Vec::new();
    while let Some(inner) = rest.strip_prefix('[') {
        let (index, after) = inner.split_once(']')?;
        indices.push(index.parse().ok()?);
        rest = after;
    }
    (!key.is_empty() && rest.is_empty()).then_some((key, indices))
}

fn read(value: &str) -> Value {
    let document = format!("value = {value}").parse::<toml::Table>();
    let read = document.ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    read.unwrap_or_else(|| Value::String(value.to_owned()))
}
