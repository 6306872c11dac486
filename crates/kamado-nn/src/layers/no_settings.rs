//! Layers without settings are unit structs in Rust; written down, they are still tables, whose every key is unknown.

/// Reads and writes a unit struct as a table without keys.
macro_rules! no_settings {
    ($layer:ident) => {
        impl serde::Serialize for $layer {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::layers::no_settings::NoSettings {}.serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $layer {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::layers::no_settings::NoSettings::deserialize(deserializer).map(|_| $layer)
            }
        }
    };
}

pub(super) use no_settings;

/// A table without keys.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoSettings {}
