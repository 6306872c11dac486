//! A model card: what a model is, what it was trained on, how well it does, and what nobody has said about it.
//!
//! Source: Mitchell et al., "Model cards for model reporting", 2019.

use std::fmt::Write;

use kamado_nn::model_file::ModelFile;
use serde_json::Value;

use crate::error::Result;
use crate::page::escaped;

/// What a card says beside the model file: the files `history.json` and `run.json` of its training, if they are there.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// What was measured.
    pub history: Value,
    /// What the run was made of.
    pub run: Value,
}

/// What only people can say; each is shown as blank until somebody has.
const BLANKS: [(&str, &str); 5] = [
    ("Intended use", "What the model is for, and who uses it"),
    ("Not intended", "What it must not be used for"),
    ("Groups", "Whom its answers concern, and how it does for each group"),
    ("Known failures", "Where it is known to be wrong"),
    ("Contact", "Who answers for it"),
];

/// The card as one page of HTML that needs no network.
///
/// # Errors
/// If the model is not possible.
pub fn card(title: &str, file: &ModelFile, records: &Records) -> Result<String> {
    let title = escaped(title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{}</style></head><body><h1>{title}</h1>",
        include_str!("page/page.css")
    );
    let (trained, fixed) = file.model.count_params();
    let inputs: Vec<String> =
        file.model.spec.inputs.iter().map(|input| format!("{} {:?}", input.name, input.shape)).collect();
    let mut facts = vec![
        ("Inputs", inputs.join(", ")),
        (
            "Classes",
            if file.labels.is_empty() { "none: the model answers numbers".to_owned() } else { file.labels.join(", ") },
        ),
        ("Weights", format!("{trained} trained, {fixed} fixed")),
    ];
    for (name, path) in
        [("Version", "/kamado"), ("Seed", "/seed"), ("Machine", "/machine/cpu"), ("Threads", "/threads")]
    {
        facts.push((name, said(records.run.pointer(path))));
    }
    table(&mut out, "The model", facts.iter().map(|(name, value)| (*name, value.as_str())));
    let summary = file.model.summary()?;
    // Writing to a text cannot fail, here and below.
    let _ = write!(out, "<pre>{}</pre>", escaped(&summary));
    data(&mut out, &records.run);
    metrics(&mut out, records);
    let recipe = file.extra.get("recipe").map(|recipe| serde_json::to_string_pretty(recipe).unwrap_or_default());
    let _ = write!(out, "<h2>How it was trained</h2><pre>{}</pre>", escaped(&recipe.unwrap_or_else(|| said(None))));
    out.push_str("<h2>For people to say</h2><table>");
    for (name, what) in BLANKS {
        let _ = write!(out, "<tr><th>{name}<td>not said yet <span class=\"small\">({what})</span></tr>");
    }
    Ok(out + "</table></body></html>\n")
}

/// A value in words; what is not there was not said.
fn said(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "not said".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn table<'a>(out: &mut String, heading: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) {
    let _ = write!(out, "<h2>{heading}</h2><table>");
    for (name, value) in rows {
        let _ = write!(out, "<tr><th>{}<td>{}</tr>", escaped(name), escaped(value));
    }
    out.push_str("</table>");
}

fn data(out: &mut String, run: &Value) {
    let parts = run.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let of = |part: &Value| {
        let [name, examples, hash] = ["name", "examples", "sha256"].map(|key| said(part.get(key)));
        (said(part.get("part")), format!("{examples} examples of {name}, SHA-256 {hash}"))
    };
    let rows: Vec<(String, String)> = parts.iter().map(of).collect();
    table(out, "The data", rows.iter().map(|(a, b)| (a.as_str(), b.as_str())));
    if rows.is_empty() {
        out.push_str("<p>not said</p>");
    }
}

/// What was measured on the test data; shares of examples with Wilson's interval.
fn metrics(out: &mut String, records: &Records) {
    let parts = records.run.get("data").and_then(Value::as_array);
    let test = parts.and_then(|parts| parts.iter().find(|part| part["part"] == "test"));
    let examples = test.and_then(|test| test["examples"].as_f64());
    let measured = records.history.get("test").and_then(Value::as_object);
    let mut rows: Vec<(String, String)> = Vec::new();
    for (name, value) in measured.into_iter().flatten() {
        let Some(x) = value.as_f64() else { continue };
        let interval = match examples.filter(|n| name == "accuracy" && *n > 0.0) {
            Some(n) => {
                let (low, high) = wilson(x, n);
                format!(" (95 %: {low:.4} to {high:.4}, {n} examples)")
            }
            None => String::new(),
        };
        rows.push((name.clone(), format!("{x:.4}{interval}")));
    }
    if let Some(baseline) = records.run.get("baseline").filter(|baseline| !baseline.is_null()) {
        let parts = baseline.as_object().into_iter().flatten();
        let words = parts.filter(|(_, value)| !value.is_null()).map(|(name, value)| match value.as_f64() {
            Some(x) => format!("{name} {x:.4}"),
            None => format!("{name} {}", said(Some(value))),
        });
        rows.push(("without looking at the input".to_owned(), words.collect::<Vec<_>>().join(", ")));
    }
    table(out, "What was measured on test data", rows.iter().map(|(a, b)| (a.as_str(), b.as_str())));
    if rows.is_empty() {
        out.push_str("<p>not measured</p>");
    }
}

/// The 95 % interval of a share of `n` (Wilson 1927).
fn wilson(share: f64, n: f64) -> (f64, f64) {
    let z2 = 1.959_963_984_540_054_f64.powi(2);
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = (z2 * (share * (1.0 - share) / n + z2 / (4.0 * n * n))).sqrt() / (1.0 + z2 / n);
    (middle - half, middle + half)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kamado_nn::layers::Dense;
    use kamado_nn::model::{Seed, Sequential};

    #[test]
    fn what_is_not_known_is_shown_as_blank() {
        let mut file = ModelFile::new(Sequential::new([3]).add(Dense::new(2)).build(Seed(1)).unwrap());
        file.labels = vec!["<b>ham</b>".to_owned(), "spam".to_owned()];
        let page = card("card", &file, &Records::default()).unwrap();
        assert!(page.contains("&lt;b&gt;ham&lt;/b&gt;, spam") && !page.contains("<b>ham"), "{page}");
        assert!(page.contains("<p>not measured</p>") && page.contains("not said yet"));
        let records = Records {
            history: serde_json::json!({ "test": { "accuracy": 0.9 } }),
            run: serde_json::json!({ "data": [{ "part": "test", "examples": 100, "name": "x", "sha256": "0" }] }),
        };
        // R: binom::binom.wilson(90, 100)
        assert!(card("card", &file, &records).unwrap().contains("0.8256 to 0.9448"));
    }
}
