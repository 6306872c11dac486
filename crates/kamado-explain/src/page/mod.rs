//! What people look at: overlays, charts, JSON and one page that needs no network.

mod chart;
mod heads;
mod html;
mod overlay;

use std::path::{Path, PathBuf};

use kamado_nn::model_file::write_atomically;
use serde_json::{Value, json};

use crate::attention::AttentionMap;
use crate::error::{ExplainError, Result};
use crate::explanation::Explanation;
use crate::raw::{RawExample, View};

pub use chart::svg;
pub use html::html;
pub use kamado_data::report::escaped;
pub use overlay::overlay;

/// An example and its explanations by one or several methods.
#[derive(Clone, Debug)]
pub struct Section {
    /// The example.
    pub example: RawExample,
    /// Why, by each method.
    pub explanations: Vec<Explanation>,
    /// The attention of every layer, if the model has some.
    pub attention: Vec<AttentionMap>,
}

/// An explanation as one object: `method`, `target`, `attributions`, `output`, `baseline_output` and `checks`, and
/// beside these what they belong to. The attributions are those of the named parts (`features`) if the example has
/// some, otherwise those of all numbers of all inputs, row-major.
pub fn json(example: &RawExample, explanation: &Explanation) -> Value {
    let named = !example.features.is_empty();
    let (attributions, error) = if named {
        (example.attributions(explanation), example.errors(explanation))
    } else {
        let error: Option<Vec<f64>> =
            explanation.inputs.iter().map(|input| input.error.clone()).collect::<Option<Vec<_>>>().map(|e| e.concat());
        (explanation.values(), error)
    };
    let shapes: Vec<_> =
        explanation.inputs.iter().map(|input| json!({ "name": input.name, "shape": input.shape })).collect();
    let mut object = json!({
        "method": explanation.method, "target": explanation.target, "label": explanation.label,
        "attributions": attributions, "output": explanation.output, "baseline_output": explanation.baseline_output,
        "checks": explanation.checks, "input": example.place, "inputs": shapes, "space": explanation.space,
        "converged": explanation.converged, "evaluations": explanation.evaluations, "seed": explanation.seed,
    });
    if let Some(error) = error {
        object["error"] = json!(error);
    }
    if named {
        let features = example.features.iter().map(|f| json!({ "name": f.name, "value": f.value }));
        object["features"] = features.collect();
    }
    object
}

/// Writes `explanation.html`, and for each example and method a picture, a chart and the numbers; answers what was
/// written.
///
/// # Errors
/// If a file cannot be written.
pub fn write(dir: &Path, title: &str, sections: &[Section]) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(dir).map_err(|error| {
        ExplainError::request(format!("cannot make {}: {error}", dir.display()), "Choose another directory with --out")
    })?;
    let mut written = Vec::new();
    let mut put = |name: String, bytes: &[u8]| -> Result<()> {
        let path = dir.join(name);
        write_atomically(&path, bytes)?;
        written.push(path);
        Ok(())
    };
    put("explanation.html".to_owned(), html(title, sections).as_bytes())?;
    for (i, section) in sections.iter().enumerate() {
        for explanation in &section.explanations {
            let name = format!("{}-{}", i + 1, explanation.method);
            if let Some(png) = overlay(&section.example, explanation)? {
                put(format!("{name}.png"), &png)?;
            }
            put(format!("{name}.svg"), svg(&section.example, explanation).as_bytes())?;
            put(format!("{name}.json"), json(&section.example, explanation).to_string().as_bytes())?;
        }
    }
    Ok(written)
}

/// The rows, columns and values of what can be drawn as a map: the only input, its channels added up.
fn map(example: &RawExample, explanation: &Explanation) -> Option<(usize, usize, Vec<f64>)> {
    let [input] = &explanation.inputs[..] else { return None };
    match (example.view, &input.shape[..]) {
        (View::Picture, &[h, w, c]) => {
            Some((h, w, input.values.chunks_exact(c).map(|pixel| pixel.iter().sum()).collect()))
        }
        // Time runs to the right, and low bins lie below.
        (View::Sequence, &[t, f]) => {
            let value = |i: usize| input.values[(i % t) * f + (f - 1 - i / t)];
            Some((f, t, (0..t * f).map(value).collect()))
        }
        _ => None,
    }
}

/// The greatest size, for colours; 1 if all are 0.
fn greatest(values: &[f64]) -> f64 {
    let most = values.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
    if most > 0.0 { most } else { 1.0 }
}
