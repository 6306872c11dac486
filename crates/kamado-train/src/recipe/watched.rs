//! The numbers of epochs that a recipe decides by.

use super::error::RecipeError;
use super::schema::Document;
use super::{Recipe, Validation};
use crate::metrics::Metric;
use crate::monitor::Monitor;

impl Recipe {
    /// Refuses to watch numbers that no epoch will have.
    pub(super) fn check_watched(&self, document: &Document<'_>) -> Result<(), RecipeError> {
        let train = &self.train;
        let best = train.checkpoint.keep_best.as_ref().and_then(|key| key.parse::<Monitor>().ok());
        let watched = [
            ("early_stopping", train.early_stopping.as_ref().map(|one| one.monitor.clone())),
            ("reduce_on_plateau", train.reduce_on_plateau.as_ref().map(|one| one.monitor.clone())),
            ("stop_when", train.stop_when.as_ref().map(|one| one.monitor().clone())),
            ("checkpoint.keep_best", best),
        ];
        for (key, monitor) in watched {
            let Some(monitor) = monitor.map(|monitor| monitor.to_string()) else { continue };
            let (validation, name) = monitor.strip_prefix("val_").map_or((false, &*monitor), |name| (true, name));
            let measured = name == "loss"
                || train.metrics.iter().any(|m| m.parse::<Metric>().is_ok_and(|m| m.to_string() == name));
            let help = match (validation && self.data.validation == Validation::None, measured) {
                (true, _) => "there is no validation: watch a number of training, or set data.validation".to_owned(),
                (_, false) => format!("add {name:?} to train.metrics"),
                _ => continue,
            };
            let place = document.nearest(&format!("train.{key}"));
            return Err(document.error(place, format!("train.{key} watches {monitor:?}, which no epoch has"), help));
        }
        Ok(())
    }
}
