//! The recipes that come with the program; they are read as any other.

use super::{Recipe, RecipeError};

/// A recipe that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// What `kamado train NAME` calls it.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// The recipe.
    pub toml: &'static str,
}

/// All of them.
pub const BUILTIN: [Builtin; 11] = [
    Builtin {
        name: "digits",
        about: "1,797 real 8x8 digits, part of this program: a small network in seconds",
        toml: include_str!("builtin/digits.toml"),
    },
    Builtin {
        name: "mnist",
        about: "70,000 digits of 28x28 pixels: the reference network, as in the well-known Keras listing",
        toml: include_str!("builtin/mnist.toml"),
    },
    Builtin {
        name: "mnist-plus",
        about: "the same digits, with augmentation, a schedule and averaged weights: as accurate as we can",
        toml: include_str!("builtin/mnist-plus.toml"),
    },
    Builtin {
        name: "mnist-private",
        about: "the same digits with differential privacy: epsilon 3 at delta 1e-5",
        toml: include_str!("builtin/mnist-private.toml"),
    },
    Builtin {
        name: "mnist-private-strict",
        about: "the same digits with differential privacy: epsilon 2.3 at delta 1e-5",
        toml: include_str!("builtin/mnist-private-strict.toml"),
    },
    Builtin {
        name: "shakespeare",
        about: "a small transformer that learns to continue a text of yours, character by character",
        toml: include_str!("builtin/shakespeare.toml"),
    },
    Builtin {
        name: "cifar10",
        about: "60,000 coloured images of 32x32 pixels in folders (--data DIR): a ResNet-20 in four passes",
        toml: include_str!("builtin/cifar10.toml"),
    },
    Builtin {
        name: "adult",
        about: "48,842 people of a census (--data DIR): does one earn more than 50,000 dollars? A table",
        toml: include_str!("builtin/adult.toml"),
    },
    Builtin {
        name: "german_credit",
        about: "1,000 loans (--data DIR): will one be paid back? A small table with missing values",
        toml: include_str!("builtin/german_credit.toml"),
    },
    Builtin {
        name: "sms_spam",
        about: "5,574 text messages (--data DIR): is one spam? Words and a convolution",
        toml: include_str!("builtin/sms_spam.toml"),
    },
    Builtin {
        name: "fsdd",
        about: "3,000 spoken digits in an archive (--data DIR): mel spectrograms and convolutions",
        toml: include_str!("builtin/fsdd.toml"),
    },
];

impl Builtin {
    /// The one of this name.
    pub fn find(name: &str) -> Option<&'static Builtin> {
        BUILTIN.iter().find(|builtin| builtin.name == name)
    }

    /// The name that somebody who wrote `wrong` most likely meant.
    pub fn closest(wrong: &str) -> Option<&'static str> {
        super::suggest::closest(wrong, &BUILTIN.map(|builtin| builtin.name))
    }

    /// The recipe, read.
    ///
    /// # Errors
    /// Only if the recipe itself is wrong, which a test rules out.
    pub fn recipe(&self) -> Result<Recipe, RecipeError> {
        Recipe::parse(&format!("built-in recipe {}", self.name), self.toml)
    }
}
