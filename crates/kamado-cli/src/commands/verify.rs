//! `kamado verify-resume RECIPE`

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use kamado_train::checkpoint::{Verdict, verify_resume};
use serde_json::json;

use super::describe::thousands;
use super::{find, train};
use crate::args::VerifyArgs;
use crate::failure::Failure;
use crate::say;

pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let (_, mut recipe) = find::recipe(&args.recipe)?;
    find::set_data_path(&mut recipe.data, args.data.as_deref())?;
    recipe.train.epochs = args.epochs.map_or(recipe.train.epochs, |epochs| epochs as usize);
    let cut = args.cut.unwrap_or_else(somewhere);
    if !(0.0..=1.0).contains(&cut) {
        return Err(Failure::usage(format!("--cut cannot be {cut}"), "give a share of the steps, from 0 to 1"));
    }
    let parts = recipe.data.load(recipe.train.seed)?;
    let folder = Scratch::new()?;
    let trainer = || train::ready(&recipe, &parts);
    let verdict = verify_resume(trainer, || train::fit(&recipe, &parts), &parts.train, cut, &folder.0)?;
    if args.json {
        let Verdict { cut, steps, weights, difference } = &verdict;
        let differs = difference.as_ref().map(|d| json!({"place": d.place, "whole": d.whole, "resumed": d.resumed}));
        say::json(&json!({ "cut": cut, "steps": steps, "weights": weights, "difference": differs }));
    } else {
        say_verdict(&verdict);
    }
    Ok(if verdict.difference.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn say_verdict(verdict: &Verdict) {
    let Verdict { cut, steps, weights, difference } = verdict;
    let cut =
        format!("Cut after step {} of {} and taken up again", thousands(*cut as usize), thousands(*steps as usize));
    match difference {
        None => say::line(&format!(
            "{cut}: all {} weights and the numbers of every epoch are the same, bit for bit.",
            thousands(*weights)
        )),
        Some(d) => say::line(&format!(
            "{cut}: {} is {:e} in one piece, but {:e} in two. Please report this with the recipe.",
            d.place, d.whole, d.resumed
        )),
    }
}

/// A share of the steps that is another one each time.
fn somewhere() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    f64::from(now.subsec_nanos()) / 1e9
}

/// A folder that is removed in the end.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("kamado-verify-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .map_err(|e| Failure::run(format!("cannot write {}: {e}", folder.display()), "set TMPDIR"))?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
