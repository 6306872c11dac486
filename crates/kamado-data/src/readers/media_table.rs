//! Folders and archives of pictures or sounds: a row for each file.

use std::collections::BTreeSet;

use super::inputs::Input;
use super::pattern::PathPattern;
use super::raw::{RawColumn, RawTable, Values, array, texts};
use super::{Format, Log, ReadOptions};
use crate::clean::BadRow;
use crate::error::Result;
use crate::frame::Kind;

/// Folders that name a part of the data, and the part.
const SPLITS: [(&str, &str); 8] = [
    ("train", "train"),
    ("training", "train"),
    ("test", "test"),
    ("testing", "test"),
    ("val", "val"),
    ("valid", "val"),
    ("validation", "val"),
    ("dev", "val"),
];

/// The columns `path`; `label`, the folder that a file lies in; `split`, if folders above name parts of the data; and those
/// of the path pattern.
pub(super) fn read(inputs: &[Input], options: &ReadOptions, log: &mut Log) -> Result<RawTable> {
    let pattern = options.path_pattern.as_deref().map(PathPattern::parse).transpose()?;
    let mut rows = Vec::with_capacity(inputs.len());
    for input in inputs {
        match pattern.as_ref().map(|pattern| pattern.values(&input.relative)) {
            Some(None) => log.quarantine.push(BadRow {
                place: input.location.clone(),
                reason: format!(
                    "its name does not fit the pattern {:?}",
                    options.path_pattern.as_deref().unwrap_or("")
                ),
                text: input.relative.clone(),
            }),
            Some(Some(values)) => rows.push((input, values)),
            None => rows.push((input, Vec::new())),
        }
    }
    let kind = if inputs[0].format == Format::Image { Kind::Image } else { Kind::Audio };
    let paths = array(texts(rows.iter().map(|(input, _)| Some(input.location.as_str()))));
    let mut columns = vec![RawColumn { name: "path".into(), values: Values::Typed(kind, paths) }];
    let (labels, splits): (Vec<_>, Vec<_>) = rows.iter().map(|(input, _)| folders(&input.relative)).unzip();
    let named: Vec<&str> = pattern.iter().flat_map(PathPattern::names).collect();
    if labels.iter().collect::<BTreeSet<_>>().len() > 1 && !named.contains(&"label") {
        columns.push(category("label", labels));
    }
    if splits.iter().any(Option::is_some) {
        columns.push(category("split", splits));
    }
    for (index, name) in named.into_iter().enumerate() {
        let values = rows.iter().map(|(_, values)| Some(values[index]));
        // Ten digits are ten classes and no quantity.
        columns.push(match name {
            "label" => category(name, values.collect()),
            _ => RawColumn { name: name.to_owned(), values: texts(values) },
        });
    }
    let files = rows.iter().map(|(input, _)| input.location.clone()).collect();
    let places = (0..rows.len()).map(|row| (row as u32, 1)).collect();
    Ok(RawTable { columns, files, places })
}

fn category(name: &str, values: Vec<Option<&str>>) -> RawColumn {
    RawColumn { name: name.to_owned(), values: Values::Typed(Kind::Category, array(texts(values))) }
}

/// The label and the part of the data that the folders of a file name.
fn folders(relative: &str) -> (Option<&str>, Option<&'static str>) {
    let mut folders: Vec<&str> = relative.split('/').collect();
    folders.pop();
    let part = |folder: &str| SPLITS.iter().find(|(name, _)| folder.eq_ignore_ascii_case(name)).map(|&(_, part)| part);
    let label = folders.last().copied().filter(|&folder| part(folder).is_none());
    (label, folders.iter().find_map(|folder| part(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_label_and_part() {
        assert_eq!(folders("cifar/Train/cat/1.png"), (Some("cat"), Some("train")));
        assert_eq!(folders("cat/1.png"), (Some("cat"), None));
        assert_eq!(folders("valid/1.png"), (None, Some("val")));
        assert_eq!(folders("1.png"), (None, None));
    }
}
