//! `kamado privacy`

use std::process::ExitCode;

use kamado_privacy::{Accountant, SampledGaussian, calibrate};
use serde_json::json;

use super::{audit, private};
use crate::args::{PrivacyArgs, PrivacyQuestion};
use crate::failure::Failure;
use crate::say;

pub(crate) fn run(args: &PrivacyArgs) -> Result<ExitCode, Failure> {
    match args.question {
        PrivacyQuestion::Audit(ref args) => return audit::run(args),
        PrivacyQuestion::Certificate { ref model, json } => return private::certificate(model, json),
        PrivacyQuestion::Epsilon { sampling_rate, noise_multiplier, steps, delta, json } => {
            let mut accountant = Accountant::new();
            accountant.charge(SampledGaussian::new(sampling_rate, noise_multiplier)?, steps);
            let bounds = accountant.epsilon(delta)?;
            if json {
                say::json(&bounds);
            } else {
                let (lower, upper) = (bounds.lower, bounds.upper);
                say::line(&format!("epsilon is at most {upper:.4} (and at least {lower:.4}) at delta {delta:e}"));
            }
        }
        PrivacyQuestion::Calibrate { epsilon, delta, sampling_rate, steps, json } => {
            let noise = calibrate(epsilon, delta, sampling_rate, steps)?;
            if json {
                say::json(&json!({ "noise_multiplier": noise }));
            } else {
                say::line(&format!("noise multiplier {noise:.6}: epsilon is at most {epsilon} at delta {delta:e}"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
