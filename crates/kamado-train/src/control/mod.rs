//! Callbacks that decide: when training ends, with which weights, and how fast it goes on.

mod early_stopping;
mod reduce_on_plateau;
mod stop_when;

pub use early_stopping::EarlyStopping;
pub use reduce_on_plateau::ReduceOnPlateau;
pub use stop_when::StopWhen;

use kamado_nn::model::Model;

use crate::callbacks::Callback;
use crate::error::TrainError;
use crate::history::EpochRecord;

/// What a callback may ask for after an epoch.
#[derive(Debug)]
pub struct Steering<'a> {
    /// The model with the weights of this epoch.
    pub model: &'a Model,
    /// Training ends here, for this reason.
    pub stop: Option<String>,
    /// Training ends with these weights, in the order of the model's variables.
    pub weights: Option<Vec<Vec<f32>>>,
    /// A factor on every learning rate from here on; 1 at the beginning.
    pub learning_rate_factor: f64,
}

/// A callback that calls a closure after every epoch; what it returns ends training, for that reason.
///
/// ```
/// use kamado_train::control::AfterEpoch;
///
/// let mut losses = Vec::new();
/// let watcher = AfterEpoch(|record| {
///     losses.push(record.train.loss);
///     (record.epoch == 3).then(|| "three are enough".to_owned())
/// });
/// ```
#[derive(Debug)]
pub struct AfterEpoch<F: FnMut(&EpochRecord) -> Option<String>>(pub F);

impl<F: FnMut(&EpochRecord) -> Option<String>> Callback for AfterEpoch<F> {
    fn steers(&self) -> bool {
        true
    }

    fn steer(&mut self, record: &EpochRecord, steering: &mut Steering<'_>) -> Result<(), TrainError> {
        if let Some(reason) = (self.0)(record) {
            steering.stop = Some(reason);
        }
        Ok(())
    }
}
