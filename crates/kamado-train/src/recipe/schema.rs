//! What a recipe may contain, as data, and the walk that holds a TOML document against it.
//!
//! The walk turns TOML into JSON values that the typed configuration is deserialised from; by then every key is known
//! and every value is of its type and in its range, and no mistake has lost its line and column.

use std::cell::RefCell;
use std::ops::Range;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::RecipeError;
use super::suggest::{closest, list};

/// The type of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Bool,
    /// An integer within bounds, both included.
    Integer(i64, i64),
    /// A finite number within bounds, both included; integers are accepted.
    Number(f64, f64),
    Text,
    /// A string that passes a check, or else what is wrong with it.
    Checked(fn(&str) -> std::result::Result<(), String>),
    /// One of some words.
    Word(&'static [&'static str]),
    /// An integer within bounds, or a pair of them; one stands for both.
    Pair(i64, i64),
    /// `"name"` or `{ type = "name", … }`.
    Tagged(&'static [Variant]),
    /// As `Tagged`, with keys that every variant has.
    TaggedWith(&'static [Variant], &'static [Field]),
    /// What the first kind accepts, or an array that the second does.
    Either(&'static Kind, &'static Kind),
    /// One of some words, or a table of numbers within bounds with any keys.
    WordOrNumbers(&'static [&'static str], f64, f64),
    /// A number or a string.
    NumberOrText,
    /// One of some words, or a table of fields.
    WordOrTable(&'static [&'static str], &'static [Field]),
    /// A table with any keys, each a table of fields.
    Map(&'static [Field]),
    /// A table of strings with any keys.
    Texts,
    /// A number within bounds, or `{ type = "name", … }`.
    NumberOrTagged(f64, f64, &'static [Variant]),
    /// As many values as the bounds allow.
    List(&'static Kind, usize, usize),
    Table(&'static [Field]),
}

/// A key of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// One of the values of `type`, and the keys that go with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

pub(crate) const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

pub(crate) const fn variant(name: &'static str, fields: &'static [Field]) -> Variant {
    Variant { name, fields }
}

type Result<T> = std::result::Result<T, RecipeError>;

/// A document under examination.
pub(crate) struct Document<'a> {
    file: &'a str,
    text: &'a str,
    keys: RefCell<Vec<(String, Range<usize>)>>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, keys: RefCell::default() }
    }

    /// Where the key `path`, such as `data.source`, was read; the start of the document if it was not.
    pub(crate) fn place_of(&self, path: &str) -> Range<usize> {
        self.keys.borrow().iter().find(|(key, _)| key == path).map_or(0..0, |(_, span)| span.clone())
    }

    /// Where the key `path` was read, or else something in it, or else the nearest key around it.
    pub(crate) fn nearest(&self, path: &str) -> Range<usize> {
        let keys = self.keys.borrow();
        let within =
            |key: &str| key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        let place = |found: Option<&(String, Range<usize>)>| found.map(|(_, span)| span.clone());
        if let Some(span) = place(keys.iter().find(|(key, _)| key == path)) {
            return span;
        }
        if let Some(span) = place(keys.iter().find(|(key, _)| within(key))) {
            return span;
        }
        drop(keys);
        path.rfind(['.', '[']).map_or(0..0, |end| self.nearest(&path[..end]))
    }

    /// Reads the whole document as a table of `fields`.
    pub(crate) fn read(&self, fields: &[Field]) -> Result<Value> {
        let root = DeTable::parse(self.text).map_err(|error| {
            let message = error.message().replace('\n', ", ");
            self.error(error.span().unwrap_or(0..0), format!("not valid TOML: {message}"), "")
        })?;
        // A missing section is nowhere; the end of the document is where it would be written.
        let end = self.text.trim_end().len();
        Ok(Value::Object(self.table(fields, root.get_ref(), end..end, "", "")?))
    }

    pub(crate) fn error(&self, span: Range<usize>, problem: String, help: impl Into<String>) -> RecipeError {
        RecipeError::at(self.file, self.text, span, problem, help.into())
    }

    fn table(
        &self,
        fields: &[Field],
        table: &DeTable<'_>,
        span: Range<usize>,
        path: &str,
        kind: &str,
    ) -> Result<Map<String, Value>> {
        let mut read = Map::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                let place = if path.is_empty() { String::new() } else { format!(" in {path}{kind}") };
                return Err(self.unknown_key(name, key.span(), fields, &place));
            };
            self.keys.borrow_mut().push((join(path, name), key.span()));
            read.insert(name.to_owned(), self.value(&field.kind, value, &join(path, name))?);
        }
        match fields.iter().find(|field| field.required && !read.contains_key(field.name)) {
            None => Ok(read),
            Some(field) => Err(self.missing(field, span, &format!("{path}{kind}"))),
        }
    }

    fn missing(&self, field: &Field, span: Range<usize>, path: &str) -> RecipeError {
        let name = field.name;
        if path.is_empty() {
            let help = format!("add a section `[{name}]`; `kamado recipes digits` prints a whole recipe to start from");
            return self.error(span, format!("section [{name}] is missing"), help);
        }
        self.error(span, format!("{path} lacks `{name}`"), format!("add `{name} = …`: {}", expected(&field.kind)))
    }

    fn unknown_key(&self, name: &str, span: Range<usize>, fields: &[Field], place: &str) -> RecipeError {
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let help = match (closest(name, &names), names.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => "nothing can be set here".to_owned(),
            (None, false) => format!("the keys known here are {}", list(&names)),
        };
        self.error(span, format!("unknown key `{}`{place}", name.escape_debug()), help)
    }

    fn value(&self, kind: &Kind, value: &Spanned<DeValue<'_>>, path: &str) -> Result<Value> {
        let wrong = || self.wrong_type(kind, value, path);
        match (kind, value.get_ref()) {
            (Kind::Bool, DeValue::Boolean(flag)) => Ok(Value::from(*flag)),
            (Kind::Text, DeValue::String(text)) => Ok(Value::from(text.as_ref())),
            (Kind::Checked(check), DeValue::String(text)) => match check(text) {
                Ok(()) => Ok(Value::from(text.as_ref())),
                Err(problem) => {
                    let (problem, help) = problem.split_once("; ").unwrap_or((&problem, ""));
                    Err(self.error(value.span(), format!("{path}: {problem}"), help))
                }
            },
            (Kind::WordOrNumbers(_, low, high), DeValue::Table(table)) => {
                let mut read = Map::new();
                for (key, value) in table {
                    let name: &str = key.get_ref();
                    read.insert(name.to_owned(), self.number(*low, *high, value, &join(path, name))?);
                }
                Ok(Value::Object(read))
            }
            (Kind::Map(_) | Kind::Texts, DeValue::Table(table)) => {
                let item = if let Kind::Map(fields) = kind { Kind::Table(fields) } else { Kind::Text };
                let mut read = Map::new();
                for (key, value) in table {
                    let (name, path): (&str, _) = (key.get_ref(), join(path, key.get_ref()));
                    self.keys.borrow_mut().push((path.clone(), key.span()));
                    read.insert(name.to_owned(), self.value(&item, value, &path)?);
                }
                Ok(Value::Object(read))
            }
            (Kind::NumberOrText, DeValue::String(text)) => Ok(Value::from(text.as_ref())),
            (Kind::NumberOrText, DeValue::Integer(_) | DeValue::Float(_)) => {
                self.number(f64::MIN, f64::MAX, value, path)
            }
            (Kind::WordOrTable(_, fields), DeValue::Table(table)) => {
                self.table(fields, table, value.span(), path, "").map(Value::Object)
            }
            (
                Kind::Word(words) | Kind::WordOrNumbers(words, ..) | Kind::WordOrTable(words, _),
                DeValue::String(text),
            ) => self.word(words, text, value.span(), path),
            (Kind::Integer(low, high), DeValue::Integer(_)) => self.integer(*low, *high, value, path).map(Value::from),
            (Kind::Number(low, high) | Kind::NumberOrTagged(low, high, _), DeValue::Integer(_) | DeValue::Float(_)) => {
                self.number(*low, *high, value, path)
            }
            (Kind::Pair(low, high), DeValue::Integer(_)) => {
                self.integer(*low, *high, value, path).map(|one| Value::from(vec![one, one]))
            }
            (Kind::Pair(low, high), DeValue::Array(array)) if array.len() == 2 => array
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::Integer(_) => self.integer(*low, *high, item, path).map(Value::from),
                    _ => Err(wrong()),
                })
                .collect(),
            (Kind::Either(first, second), DeValue::Array(_)) => {
                self.value(first, value, path).or_else(|_| self.value(second, value, path))
            }
            (Kind::Either(first, _), DeValue::Integer(_)) => self.value(first, value, path),
            (Kind::Tagged(variants) | Kind::TaggedWith(variants, _), DeValue::String(name)) => {
                self.tagged((variants, &[]), name, value.span(), &DeTable::default(), value.span(), path)
            }
            (
                Kind::Tagged(variants) | Kind::TaggedWith(variants, _) | Kind::NumberOrTagged(_, _, variants),
                DeValue::Table(table),
            ) => {
                let Some((_, tag)) = table.iter().find(|(key, _)| key.get_ref() == "type") else {
                    let help = format!("add `type = …`, one of {}", names(variants));
                    return Err(self.error(value.span(), format!("{path} lacks `type`"), help));
                };
                let DeValue::String(name) = tag.get_ref() else { return Err(self.wrong_type(&Kind::Text, tag, path)) };
                let common = if let Kind::TaggedWith(_, common) = kind { common } else { &[][..] };
                self.tagged((variants, common), name, tag.span(), table, value.span(), path)
            }
            (Kind::List(item, low, high), DeValue::Array(array)) => {
                if array.len() < *low || array.len() > *high {
                    let problem = format!("{path} has {} entries", array.len());
                    return Err(self.error(value.span(), problem, format!("give {low} to {high} of them")));
                }
                array
                    .iter()
                    .enumerate()
                    .map(|(i, value)| {
                        let path = format!("{path}[{i}]");
                        self.keys.borrow_mut().push((path.clone(), value.span()));
                        self.value(item, value, &path)
                    })
                    .collect()
            }
            (Kind::Table(fields), DeValue::Table(table)) => {
                self.table(fields, table, value.span(), path, "").map(Value::Object)
            }
            _ => Err(wrong()),
        }
    }

    fn tagged(
        &self,
        (variants, common): (&[Variant], &[Field]),
        name: &str,
        name_span: Range<usize>,
        table: &DeTable<'_>,
        span: Range<usize>,
        path: &str,
    ) -> Result<Value> {
        let Some(variant) = variants.iter().find(|variant| variant.name == name) else {
            let names: Vec<&str> = variants.iter().map(|variant| variant.name).collect();
            return Err(self.unknown_word(&names, name, name_span, &join(path, "type")));
        };
        let own: DeTable<'_> = table
            .iter()
            .filter(|(key, _)| key.get_ref() != "type")
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let fields = [variant.fields, common].concat();
        let mut read = self.table(&fields, &own, span, path, &format!(" ({name})"))?;
        read.insert("type".to_owned(), Value::from(name));
        Ok(Value::Object(read))
    }

    fn word(&self, words: &[&str], text: &str, span: Range<usize>, path: &str) -> Result<Value> {
        if words.contains(&text) { Ok(Value::from(text)) } else { Err(self.unknown_word(words, text, span, path)) }
    }

    fn unknown_word(&self, words: &[&str], text: &str, span: Range<usize>, path: &str) -> RecipeError {
        let near = closest(text, words).map_or_else(String::new, |near| format!("did you mean \"{near}\"? "));
        let help = format!("{near}known: {}", list(words));
        self.error(span, format!("{path} cannot be {}", shorten(&format!("{text:?}"))), help)
    }

    fn integer(&self, low: i64, high: i64, value: &Spanned<DeValue<'_>>, path: &str) -> Result<i64> {
        let parsed = match value.get_ref() {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        match parsed.filter(|number| (low..=high).contains(number)) {
            Some(number) => Ok(number),
            None => Err(self.out_of_range(&Kind::Integer(low, high), value, path)),
        }
    }

    fn number(&self, low: f64, high: f64, value: &Spanned<DeValue<'_>>, path: &str) -> Result<Value> {
        let parsed = match value.get_ref() {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(|i| i as f64),
            DeValue::Float(digits) => digits.as_str().parse().ok(),
            _ => None,
        };
        match parsed.filter(|number: &f64| (low..=high).contains(number)) {
            Some(number) => Ok(Value::from(number)),
            None => Err(self.out_of_range(&Kind::Number(low, high), value, path)),
        }
    }

    fn out_of_range(&self, kind: &Kind, value: &Spanned<DeValue<'_>>, path: &str) -> RecipeError {
        let written = shorten(self.text.get(value.span()).unwrap_or("this"));
        self.error(value.span(), format!("{path} cannot be {written}"), format!("give {}", expected(kind)))
    }

    fn wrong_type(&self, kind: &Kind, value: &Spanned<DeValue<'_>>, path: &str) -> RecipeError {
        let found = match value.get_ref() {
            DeValue::String(text) => format!("the string {}", shorten(&format!("{text:?}"))),
            DeValue::Integer(number) => format!("the integer {}", shorten(&number.to_string())),
            DeValue::Float(number) => format!("the float {}", shorten(&number.to_string())),
            DeValue::Boolean(flag) => format!("the boolean {flag}"),
            DeValue::Datetime(_) => "a date".to_owned(),
            DeValue::Array(items) => format!("an array of {}", items.len()),
            DeValue::Table(_) => "a table".to_owned(),
        };
        self.error(value.span(), format!("{path} is {found}"), format!("expected {}", expected(kind)))
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A value as it may stand in one line of an error.
fn shorten(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// What a value should be, as the end of a sentence.
fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Integer(low, high) => format!("an integer {}", between(low, high, *high == i64::MAX)),
        Kind::Number(low, high) => format!("a number {}", between(low, high, *high == f64::MAX)),
        Kind::Text | Kind::Checked(_) => "a string".to_owned(),
        Kind::Word(words) => format!("one of {}", list(words)),
        Kind::WordOrNumbers(words, low, high) => {
            format!("{}, or a table of names, each with {}", list(words), expected(&Kind::Number(*low, *high)))
        }
        Kind::Pair(low, high) => {
            format!("an integer {}, or two of them as in [3, 3]", between(low, high, *high == i64::MAX))
        }
        Kind::Either(first, second) => format!("{}, or {}", expected(first), expected(second)),
        Kind::Tagged(variants) | Kind::TaggedWith(variants, _) => {
            format!("\"NAME\" or {{ type = \"NAME\", … }} with one of {}", names(variants))
        }
        Kind::NumberOrTagged(low, high, variants) => {
            format!(
                "{}, or {{ type = \"NAME\", … }} with one of {}",
                expected(&Kind::Number(*low, *high)),
                names(variants)
            )
        }
        Kind::List(item, ..) => format!("an array, each entry {}", expected(item)),
        Kind::Table(_) | Kind::Map(_) | Kind::Texts => "a table, { key = value, … }".to_owned(),
        Kind::NumberOrText => "a number or a string".to_owned(),
        Kind::WordOrTable(words, fields) => {
            let keys: Vec<String> = fields.iter().map(|field| format!("{{ {} = … }}", field.name)).collect();
            format!("one of {}, or {}", list(words), keys.join(" or "))
        }
    }
}

fn names(variants: &[Variant]) -> String {
    variants.iter().map(|variant| variant.name).collect::<Vec<_>>().join(", ")
}

fn between(low: &impl ToString, high: &impl ToString, open: bool) -> String {
    if open {
        format!("of at least {}", low.to_string())
    } else {
        format!("from {} to {}", low.to_string(), high.to_string())
    }
}
