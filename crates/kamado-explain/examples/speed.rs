//! Times the methods on pictures and rows, for comparison with other tools, and measures deletion on many pictures.
//!
//! `speed pictures MODEL IDX COUNT` prints the seconds of each method for COUNT pictures at once; `speed deletion MODEL
//! IDX COUNT` the area under the deletion curve beside random orders; `speed rows MODEL SEEN.csv NEW.csv COUNT
//! OUT.json` times KernelSHAP against a hundred rows and writes all of its numbers.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use kamado_data::idx::read_idx;
use kamado_explain::raw::RawReader;
use kamado_explain::{Explainer, Method, Request, Sample, Values};
use kamado_nn::model_file;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["pictures", model, idx, count] => pictures(model, idx, count.parse()?),
        ["deletion", model, idx, count] => deletion(model, idx, count.parse()?),
        ["rows", model, seen, new, count, out] => rows(model, seen, new, count.parse()?, out),
        _ => Err("see the first lines of the source".into()),
    }
}

fn samples(idx: &str, count: usize) -> Result<Vec<Sample>, Box<dyn Error>> {
    let images = read_idx(Path::new(idx))?;
    let len: usize = images.shape[1..].iter().product();
    let scaled = |image: &[u8]| Sample::of(image.iter().map(|&x| f32::from(x) / 255.0).collect::<Vec<_>>());
    Ok(images.data.chunks_exact(len).take(count).map(scaled).collect())
}

fn pictures(model: &str, idx: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let mut explainer = Explainer::new(&model_file::load(Path::new(model))?, Some(2))?;
    let samples = samples(idx, count)?;
    let ask = |method| Request { checks: false, ..Request::new(method) };
    let requests = [
        ("integrated_gradients", Request { steps: Some(50), ..ask(Method::IntegratedGradients) }),
        ("smooth_grad", Request { samples: Some(50), ..ask(Method::SmoothGrad) }),
        ("occlusion", Request { window: Some(vec![4]), stride: Some(vec![2]), ..ask(Method::Occlusion) }),
    ];
    for (name, request) in requests {
        explainer.explain(&samples, &request)?;
        let start = Instant::now();
        let found = explainer.explain(&samples, &request)?;
        let (seconds, first) = (start.elapsed().as_secs_f64(), found[0].values());
        println!("{}", json!({ "method": name, "seconds": seconds, "first": first }));
    }
    Ok(())
}

fn deletion(model: &str, idx: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let mut explainer = Explainer::new(&model_file::load(Path::new(model))?, Some(2))?;
    let samples = samples(idx, count)?;
    for method in [Method::IntegratedGradients, Method::GradCam] {
        let mut margins = Vec::new();
        for found in explainer.explain(&samples, &Request { steps: Some(50), ..Request::new(method) })? {
            if let Some(curve) = found.checks.deletion {
                margins.push(curve.random - curve.auc);
            }
        }
        let n = margins.len() as f64;
        let mean = margins.iter().sum::<f64>() / n;
        let variance = margins.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let (better, half) = (margins.iter().filter(|x| **x > 0.0).count(), 1.96 * (variance / n).sqrt());
        println!("{method}: below random by {mean:.4} ± {half:.4} (95 %), better on {better} of {n}");
    }
    Ok(())
}

fn rows(model: &str, seen: &str, new: &str, count: usize, out: &str) -> Result<(), Box<dyn Error>> {
    let file = model_file::load(Path::new(model))?;
    let (reader, mut explainer) = (RawReader::new(&file)?, Explainer::new(&file, Some(2))?);
    let seen = reader.frame(Path::new(seen))?;
    let background = reader.samples(&seen.take(&(0..100).collect::<Vec<_>>())?)?;
    let new = reader.frame(Path::new(new))?;
    let examples = reader.rows(&new.take(&(0..count).collect::<Vec<_>>())?)?;
    let numbers = |sample: &Sample| match &sample.0[0] {
        Values::F32(numbers) => numbers.clone(),
        Values::I32(_) => Vec::new(),
    };
    let groups = examples[0].groups.clone();
    let mut found = Vec::new();
    let request = |_| Request {
        target: Some("1".to_owned()),
        baselines: background.clone(),
        groups: groups.clone(),
        checks: false,
        ..Request::new(Method::KernelShap)
    };
    explainer.explain(std::slice::from_ref(&examples[0].sample), &request(()))?;
    let start = Instant::now();
    for example in &examples {
        let why = explainer.explain(std::slice::from_ref(&example.sample), &request(()))?.remove(0);
        found.push(json!({ "values": example.attributions(&why), "errors": example.errors(&why), "base": why.baseline_output }));
    }
    let seconds = start.elapsed().as_secs_f64() / count as f64;
    println!("{}", json!({ "seconds_per_row": seconds }));
    let all = json!({
        "background": background.iter().map(numbers).collect::<Vec<_>>(),
        "rows": examples.iter().map(|example| numbers(&example.sample)).collect::<Vec<_>>(),
        "groups": groups.map(|groups| groups.of[0].clone()), "found": found, "seconds_per_row": seconds,
    });
    std::fs::write(out, all.to_string())?;
    Ok(())
}
