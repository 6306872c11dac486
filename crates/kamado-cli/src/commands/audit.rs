//! `kamado privacy audit`

use std::process::ExitCode;

use kamado_data::Dataset;
use kamado_nn::model::{Model, Seed};
use kamado_privacy::audit::Membership;
use kamado_train::recipe::{Parts, Recipe};
use kamado_train::{Audit, AuditReport, TrainError, Trainer};

use super::{find, private, train};
use crate::args::AuditArgs;
use crate::failure::Failure;
use crate::say;

pub(crate) fn run(args: &AuditArgs) -> Result<ExitCode, Failure> {
    let (_, mut recipe) = find::recipe(&args.recipe)?;
    find::set_data_path(&mut recipe.data, args.data.as_deref())?;
    recipe.train.seed = args.seed.unwrap_or(recipe.train.seed);
    recipe.train.epochs = args.epochs.map_or(recipe.train.epochs, |epochs| epochs as usize);
    recipe.train.threads = args.threads.map_or(recipe.train.threads, |threads| threads as usize);
    let parts = recipe.data.load(recipe.train.seed)?;
    let planned = private::plan(&recipe, &parts, &train::fit(&recipe, &parts))?;
    let claimed = planned.as_ref().map(|private| private.plan.cost()).transpose()?.map(|bounds| bounds.upper);
    let audit = Audit {
        canaries: args.canaries as usize,
        shadows: args.shadows as usize,
        seed: recipe.train.seed,
        delta: planned.as_ref().map_or(1e-5, |private| private.plan.delta),
        claimed,
    };
    let mut make = |model: u64, data: &Dataset| trained(&recipe, &parts, model, data);
    let report = audit.run(&parts.train, &parts.test, &mut make)?;
    if args.json {
        say::json(&report);
    } else {
        show(&report);
    }
    Ok(if report.broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A model of the recipe, trained on `data` as the recipe says. Every model has weights of its own.
fn trained(recipe: &Recipe, parts: &Parts, number: u64, data: &Dataset) -> Result<Trainer, TrainError> {
    let seed = Seed(recipe.train.seed.wrapping_add(number));
    let model = Model::new(recipe.model_spec_for(&parts.inputs()), seed)?;
    let (optimizer, loss) = (recipe.train.optimizer.clone(), recipe.train.loss.clone());
    let trainer = Trainer::new(model, optimizer, loss)?.preprocessing(parts.preprocessing.clone());
    let mut trainer = if recipe.train.threads > 0 { trainer.threads(recipe.train.threads)? } else { trainer };
    let mut fit = train::fit(recipe, parts);
    fit.validation = None;
    match &recipe.privacy {
        Some(privacy) => {
            let private = privacy.fit(&fit, data.len())?;
            trainer.fit_private(data, fit, &private)?;
        }
        None => {
            trainer.fit(data, fit)?;
        }
    }
    Ok(trainer)
}

fn show(report: &AuditReport) {
    let canaries = &report.canaries;
    say::line(&format!(
        "Canaries: of {} guesses about {}, {} were right: epsilon is at least {:.3} with 95 % confidence",
        canaries.guesses, canaries.canaries, canaries.correct, canaries.epsilon_lower
    ));
    match report.epsilon_claimed {
        Some(claimed) if report.broken => say::line(&format!("BROKEN: the recipe promises at most {claimed:.3}")),
        Some(claimed) => {
            say::line(&format!("The recipe promises at most {claimed:.3}; nothing found speaks against it"))
        }
        None => say::line("The recipe promises nothing"),
    }
    show_membership("the loss", &report.loss_threshold);
    report.lira.iter().for_each(|test| show_membership("likelihood ratios", test));
}

fn show_membership(by: &str, test: &Membership) {
    say::line(&format!("Membership by {by} ({} members, {} others): AUC {:.4}", test.members, test.others, test.auc));
    for rate in &test.true_positive_rates {
        say::line(&format!(
            "  finds {:.2} % of members at {:.1} % false alarms (95 %: {:.2} to {:.2} %)",
            100.0 * rate.true_positive_rate,
            100.0 * rate.false_positive_rate,
            100.0 * rate.interval[0],
            100.0 * rate.interval[1]
        ));
    }
}
