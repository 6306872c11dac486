//! The networks that are timed.

use clap::ValueEnum;
use kamado_data::{Dataset, Features};
use kamado_nn::NnError;
use kamado_nn::layers::{Activation, Conv2d, Dense, Flatten, MaxPooling2d, Padding};
use kamado_nn::model::{Model, Seed, Sequential};

/// A network with its usual batch size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Workload {
    /// 28x28x1: conv 32 3x3 relu, flatten, dense 64 relu, dense 10 softmax; batch 32.
    SeedCnn,
    /// 784-512-512-10 relu, softmax; batch 128.
    Mlp,
    /// 32x32x3: conv 64, conv 64, pool, conv 128, conv 128, pool (3x3 same relu), dense 256 relu, dense 10; batch 64.
    Vgg,
}

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::SeedCnn => "seed_cnn",
            Workload::Mlp => "mlp",
            Workload::Vgg => "vgg",
        }
    }

    pub(crate) fn batch(self) -> usize {
        match self {
            Workload::SeedCnn => 32,
            Workload::Mlp => 128,
            Workload::Vgg => 64,
        }
    }

    fn input(self) -> &'static [usize] {
        match self {
            Workload::SeedCnn => &[28, 28, 1],
            Workload::Mlp => &[784],
            Workload::Vgg => &[32, 32, 3],
        }
    }

    /// The numbers of one example.
    pub(crate) fn features(self) -> usize {
        self.input().iter().product()
    }

    /// The network with random weights.
    pub(crate) fn model(self) -> Result<Model, NnError> {
        let relu = Activation::Relu;
        let dense = |units| Dense::new(units).activation(relu);
        let conv = |filters| Conv2d::new(filters, [3, 3]).activation(relu);
        let same = |filters| conv(filters).padding(Padding::Same);
        let start = Sequential::new(self.input());
        let body = match self {
            Workload::SeedCnn => start.add(conv(32)).add(Flatten).add(dense(64)),
            Workload::Mlp => start.add(dense(512)).add(dense(512)),
            Workload::Vgg => {
                let half = start.add(same(64)).add(same(64)).add(MaxPooling2d::default());
                half.add(same(128)).add(same(128)).add(MaxPooling2d::default()).add(Flatten).add(dense(256))
            }
        };
        body.add(Dense::new(10).activation(Activation::Softmax)).build(Seed(7))
    }

    /// The data in the shape of the network's input.
    pub(crate) fn shaped(self, data: Dataset) -> Result<Dataset, kamado_data::DataError> {
        if data.shape() == self.input() {
            return Ok(data);
        }
        let features = Features { shape: self.input().to_vec(), ..data.features().clone() };
        Dataset::new(data.name(), features, data.labels().clone())
    }
}
