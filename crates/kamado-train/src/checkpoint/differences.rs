//! In what two descriptions of a run differ.

use serde_json::Value;

/// The most differences that are worth showing.
const SHOWN: usize = 12;

/// A line for each setting that differs: `train.batch_size is 32 there and 64 here`.
pub(crate) fn differences(there: &Value, here: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    walk("", there, here, &mut lines);
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn walk(path: &str, there: &Value, here: &Value, lines: &mut Vec<String>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (there, here) {
        (Value::Object(a), Value::Object(b)) => {
            let added = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(added) {
                walk(&join(key), a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), lines);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(i, (a, b))| walk(&format!("{path}[{i}]"), a, b, lines));
        }
        _ if there != here => lines.push(format!("{path} is {} there and {} here", shown(there), shown(here))),
        _ => {}
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "not set".to_owned(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "a table".to_owned(),
        other => other.to_string(),
    };
    if text.chars().count() > 80 { text.chars().take(79).chain(['…']).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_difference_has_its_path() {
        let there = json!({"train": {"batch_size": 32, "ema": null}, "layers": [{"units": 1}, "a"], "data": [1]});
        let here = json!({"train": {"batch_size": 64}, "layers": [{"units": 2}, "a"], "data": [1, 2], "new": true});
        assert_eq!(
            differences(&there, &here),
            [
                "data is a list of 1 there and a list of 2 here",
                "layers[0].units is 1 there and 2 here",
                "train.batch_size is 32 there and 64 here",
                "new is not set there and true here",
            ]
        );
        assert!(differences(&there, &there).is_empty());
        let many = |n: i32| Value::from((0..20).map(|i| i * n).collect::<Vec<_>>());
        assert_eq!(differences(&many(1), &many(2)).last().map(String::as_str), Some("and 7 more"));
    }
}
