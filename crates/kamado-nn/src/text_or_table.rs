//! Settings that may be written as a plain name, such as `"adam"`, or as a table, such as
//! `{ type = "adam", learning_rate = 0.01 }`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads `T`, which is a table tagged with `type`; the plain text `"x"` is read as `{ type = "x" }`.
pub(crate) fn text_or_table<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct TextOrTable<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOrTable<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a name, or a table with the key `type`")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
            T::deserialize(MapDeserializer::new(std::iter::once(("type", name))))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_any(TextOrTable(PhantomData))
}

/// Reads `T`, which is a table tagged with `type`, or a plain number.
pub(crate) fn number_or_table<'de, D, T>(deserializer: D, number: fn(f64) -> T) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct NumberOrTable<T>(fn(f64) -> T);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for NumberOrTable<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, or a table with the key `type`")
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
            Ok((self.0)(value))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
            Ok((self.0)(value as f64))
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
            Ok((self.0)(value as f64))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_any(NumberOrTable(number))
}

/// Reads two extents, or one number for both.
pub(crate) fn pair<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[usize; 2], D::Error> {
    struct Pair;

    impl<'de> Visitor<'de> for Pair {
        type Value = [usize; 2];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number, or two as in [3, 3]")
        }

        fn visit_u64<E: Error>(self, n: u64) -> Result<[usize; 2], E> {
            let n = usize::try_from(n).map_err(|_| E::custom("the number is too large"))?;
            Ok([n, n])
        }

        fn visit_i64<E: Error>(self, n: i64) -> Result<[usize; 2], E> {
            let n = u64::try_from(n).map_err(|_| E::custom(format!("expected a whole number, got {n}")))?;
            self.visit_u64(n)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<[usize; 2], A::Error> {
            let mut next = |i| seq.next_element()?.ok_or_else(|| Error::invalid_length(i, &self));
            let pair = [next(0)?, next(1)?];
            match seq.next_element::<usize>()? {
                Some(_) => Err(Error::invalid_length(3, &self)),
                None => Ok(pair),
            }
        }
    }

    deserializer.deserialize_any(Pair)
}

/// As [`pair`], for a setting that may be left out.
pub(crate) fn optional_pair<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[usize; 2]>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Wrapped(#[serde(deserialize_with = "pair")] [usize; 2]);
    Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|w| w.0))
}

/// Makes a type that derives serde's traits with `remote = "Self"` readable as a plain name too.
macro_rules! text_or_table {
    ($type:ident) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $type::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Table($type);

                impl<'de> serde::Deserialize<'de> for Table {
                    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                        $type::deserialize(deserializer).map(Table)
                    }
                }

                $crate::text_or_table::text_or_table::<D, Table>(deserializer).map(|table| table.0)
            }
        }
    };
}

pub(crate) use text_or_table as text_or_table_impls;
