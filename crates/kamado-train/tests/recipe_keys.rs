//! Every key of every built-in recipe, misspelt and left out; overrides; and the JSON schema.
#![forbid(unsafe_code)]

use kamado_train::recipe::{BUILTIN, Recipe, RecipeText, json_schema};
use serde_json::Value;

/// Where users choose the names of keys.
const FREE: [&str; 3] = ["data.columns", "data.label_aliases", "train.class_weight"];

/// The places of keys in a text: at the start of a line, or after `{` or `,`, and before `=`.
fn keys(text: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !word(&bytes[at]) {
            at += 1;
            continue;
        }
        let end = at + bytes[at..].iter().take_while(|b| word(b)).count();
        let before = text[..at].trim_end_matches(' ').chars().last().unwrap_or('\n');
        let after = text[end..].trim_start_matches(' ');
        if matches!(before, '\n' | '{' | ',') && after.starts_with('=') {
            found.push(at..end);
        }
        at = end;
    }
    found
}

#[test]
fn a_misspelt_key_is_never_accepted() {
    let mut count = 0;
    for builtin in BUILTIN {
        for key in keys(builtin.toml) {
            let name = &builtin.toml[key.clone()];
            let section = builtin.toml[..key.start].rfind("\n[").map_or("", |at| &builtin.toml[at + 2..]);
            if FREE.iter().any(|free| section.starts_with(free) && section[free.len()..].starts_with(']')) {
                continue;
            }
            let wrong = format!("{}{}x{}", &builtin.toml[..key.start], name, &builtin.toml[key.end..]);
            let error = Recipe::parse("r.toml", &wrong).expect_err(&format!("{} took {name}x", builtin.name));
            let line = builtin.toml[..key.start].matches('\n').count() + 1;
            assert!(!error.help.is_empty(), "{error}");
            assert_eq!(error.line, line, "{error}");
            count += 1;
        }
    }
    assert!(count > 150, "only {count} keys were found");
}

/// Every path of a value.
fn paths(value: &toml::Value, path: &[String], found: &mut Vec<Vec<String>>) {
    let mut visit = |key: String, value: &toml::Value| {
        let path = [path, &[key]].concat();
        found.push(path.clone());
        paths(value, &path, found);
    };
    match value {
        toml::Value::Table(table) => table.iter().for_each(|(key, value)| visit(key.clone(), value)),
        toml::Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| visit(i.to_string(), value)),
        _ => {}
    }
}

fn without(value: &toml::Value, path: &[String]) -> toml::Value {
    let mut value = value.clone();
    let (last, way) = path.split_last().unwrap();
    let place = way.iter().fold(&mut value, |place, key| match place {
        toml::Value::Table(table) => &mut table[key],
        toml::Value::Array(list) => &mut list[key.parse::<usize>().unwrap()],
        _ => unreachable!(),
    });
    place.as_table_mut().map(|table| table.remove(last));
    value
}

#[test]
fn a_key_that_is_left_out_is_refused_or_its_default_shown() {
    for builtin in BUILTIN {
        let whole = toml::Value::Table(builtin.toml.parse().unwrap());
        let full = Recipe::parse("r.toml", builtin.toml).unwrap().to_toml();
        let mut found = Vec::new();
        paths(&whole, &[], &mut found);
        for path in found.iter().filter(|path| path.last().is_some_and(|key| key.parse::<usize>().is_err())) {
            let text = toml::to_string(&without(&whole, path)).unwrap();
            match RecipeText::read("r.toml", &text, &[]) {
                Err(error) => assert!(!error.problem.is_empty() && !error.help.is_empty(), "{path:?}: {error}"),
                Ok(read) if read.recipe.to_toml() != full => {}
                // It said what holds anyway; then it is listed among the defaults.
                Ok(read) => {
                    let key = path.last().unwrap();
                    let listed =
                        read.defaults().iter().any(|line| line.split(" = ").next().unwrap().contains(key.as_str()));
                    assert!(listed, "{}: {path:?} is missed by nobody: {:?}", builtin.name, read.defaults());
                }
            }
        }
    }
}

fn digits(overrides: &[&str]) -> Result<Recipe, String> {
    let toml = BUILTIN.iter().find(|builtin| builtin.name == "digits").unwrap().toml;
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    RecipeText::read("digits", toml, &overrides).map(|text| text.recipe).map_err(|error| error.to_string())
}

#[test]
fn settings_can_be_changed_from_outside() {
    let recipe = digits(&["train.epochs=3", "train.optimizer.learning_rate = 0.5", "train.precision=bf16"]).unwrap();
    assert_eq!(recipe.train.epochs, 3);
    assert_eq!(recipe.train.optimizer.learning_rate_at(0, 10), 0.5);
    assert!(recipe.to_toml().contains("precision = \"bf16\""));
    let recipe = digits(&["data.augment={ rotation = 5 }", "train.checkpoint.every_steps=7"]).unwrap();
    assert_eq!((recipe.data.augment.unwrap().rotation, recipe.train.checkpoint.every_steps), (5.0, Some(7)));
    let before = digits(&[]).unwrap();
    let name = serde_json::to_value(&before.model.layers[0]).unwrap()["type"].clone();
    assert_eq!(
        serde_json::to_value(&digits(&["model.layers[0].name=first"]).unwrap().model.layers[0]).unwrap()["type"],
        name
    );
    for (wrong, words) in [
        ("train.epocs=3", ["unknown key `epocs` in train", "did you mean `epochs`?"]),
        ("train.epochs=many", ["train.epochs is the string \"many\"", "--set:1:1"]),
        ("train.epochs", ["no `=`", "KEY=VALUE"]),
        ("model.layers[99].units=1", ["there is no entry 99", "counted from 0"]),
        ("train.epochs.more=1", ["value without keys", "check RECIPE --full"]),
        ("train..x=1", ["is no key", "model.layers[0]"]),
    ] {
        let error = digits(&[wrong]).unwrap_err();
        words.iter().for_each(|word| assert!(error.contains(word), "{word} is not in\n{error}"));
    }
}

/// Whether a schema of our own making accepts a value.
fn accepts(schema: &Value, value: &Value) -> bool {
    let list = |key: &str| schema.get(key).and_then(Value::as_array);
    let number = |key: &str| schema.get(key).and_then(Value::as_f64);
    let of_type = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => false,
    };
    let types = match &schema["type"] {
        Value::String(one) => of_type(one),
        Value::Array(several) => several.iter().any(|one| of_type(one.as_str().unwrap())),
        _ => true,
    };
    let length = value.as_array().map_or(0.0, |items| items.len() as f64);
    types
        && list("anyOf").is_none_or(|choices| choices.iter().any(|choice| accepts(choice, value)))
        && list("enum").is_none_or(|words| words.contains(value))
        && schema.get("const").is_none_or(|word| word == value)
        && value.as_f64().is_none_or(|x| {
            number("minimum").is_none_or(|low| x >= low) && number("maximum").is_none_or(|high| x <= high)
        })
        && number("minItems").is_none_or(|low| length >= low)
        && number("maxItems").is_none_or(|high| length <= high)
        && value
            .as_array()
            .is_none_or(|items| schema.get("items").is_none_or(|item| items.iter().all(|v| accepts(item, v))))
        && value.as_object().is_none_or(|table| {
            let known =
                |key: &String, value: &Value| match (schema["properties"].get(key), schema.get("additionalProperties"))
                {
                    (Some(property), _) => accepts(property, value),
                    (None, Some(Value::Bool(false))) => false,
                    (None, Some(others)) => accepts(others, value),
                    (None, None) => true,
                };
            table.iter().all(|(key, value)| known(key, value))
                && list("required").is_none_or(|keys| keys.iter().all(|key| table.contains_key(key.as_str().unwrap())))
        })
}

#[test]
fn the_json_schema_accepts_what_is_a_recipe_and_nothing_else() {
    let schema = json_schema();
    for builtin in BUILTIN {
        let recipe: Value = serde_json::to_value(builtin.toml.parse::<toml::Table>().unwrap()).unwrap();
        assert!(accepts(&schema, &recipe), "{}", builtin.name);
        let mut wrong = recipe.clone();
        wrong["train"]["epocs"] = Value::from(1);
        assert!(!accepts(&schema, &wrong));
        wrong = recipe.clone();
        wrong["train"]["loss"] = Value::from("mena_squared_error");
        assert!(!accepts(&schema, &wrong));
        wrong = recipe.clone();
        wrong.as_object_mut().unwrap().remove("data");
        assert!(!accepts(&schema, &wrong));
    }
}
