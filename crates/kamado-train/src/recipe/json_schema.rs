//! The JSON schema of recipes, from the tables that recipes are read by.
//!
//! Source: JSON Schema, draft 2020-12, <https://json-schema.org/draft/2020-12>.

use serde_json::{Map, Value, json};

use super::schema::{Field, Kind, Variant};
use super::tables;

/// The JSON schema of recipes, for editors and other programs; a TOML file is checked as the JSON with the same contents.
pub fn json_schema() -> Value {
    let mut schema = table(tables::RECIPE);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("A Kamado recipe: what to learn from, what to train, and how");
    schema
}

fn table(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), of_kind(&field.kind))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer(low, high) => integer(*low, *high),
        Kind::Number(low, high) => number(*low, *high),
        Kind::Text | Kind::Checked(_) => json!({ "type": "string" }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Pair(low, high) => {
            let one = integer(*low, *high);
            let pair = json!({ "type": "array", "items": one, "minItems": 2, "maxItems": 2 });
            any_of([one, pair])
        }
        Kind::Tagged(variants) => tagged(variants, &[], true),
        Kind::TaggedWith(variants, common) => tagged(variants, common, true),
        Kind::Either(first, second) => any_of([of_kind(first), of_kind(second)]),
        Kind::WordOrNumbers(words, low, high) => any_of([json!({ "enum": words }), map_of(number(*low, *high))]),
        Kind::NumberOrText => json!({ "type": ["number", "string"] }),
        Kind::WordOrTable(words, fields) => any_of([json!({ "enum": words }), table(fields)]),
        Kind::Map(fields) => map_of(table(fields)),
        Kind::Texts => map_of(json!({ "type": "string" })),
        Kind::NumberOrTagged(low, high, variants) => any_of([number(*low, *high), tagged(variants, &[], false)]),
        Kind::List(item, low, high) => {
            json!({ "type": "array", "items": of_kind(item), "minItems": low, "maxItems": high })
        }
        Kind::Table(fields) => table(fields),
    }
}

fn map_of(item: Value) -> Value {
    json!({ "type": "object", "additionalProperties": item })
}

fn any_of(choices: impl IntoIterator<Item = Value>) -> Value {
    json!({ "anyOf": Vec::from_iter(choices) })
}

fn integer(low: i64, high: i64) -> Value {
    let mut schema = json!({ "type": "integer", "minimum": low });
    if high != i64::MAX {
        schema["maximum"] = json!(high);
    }
    schema
}

fn number(low: f64, high: f64) -> Value {
    let mut schema = json!({ "type": "number" });
    for (key, bound, open) in [("minimum", low, f64::MIN), ("maximum", high, f64::MAX)] {
        if bound != open {
            schema[key] = json!(bound);
        }
    }
    schema
}

/// `{ type = "name", … }`, or, where a name may stand alone, the names without required keys.
fn tagged(variants: &[Variant], common: &[Field], alone: bool) -> Value {
    let object = |variant: &Variant| {
        let mut schema = table(&[variant.fields, common].concat());
        schema["properties"]["type"] = json!({ "const": variant.name });
        if let Some(required) = schema["required"].as_array_mut() {
            required.push(json!("type"));
        }
        schema
    };
    let names: Vec<&str> = variants.iter().filter(|v| !v.fields.iter().any(|f| f.required)).map(|v| v.name).collect();
    let alone = (alone && !names.is_empty()).then(|| json!({ "enum": names }));
    any_of(alone.into_iter().chain(variants.iter().map(object)))
}
