//! Lays the layers over each other: defaults < file < environment < flags.
//!
//! Promise: every mistake is found in one run, each with its place; a value that is wrong is left at its default while
//! the search goes on. Pure: the file's text and the environment are handed in.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use fleet_engines::connect::{Secrets, shown};
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::redact::redacted_value;
use super::{Settings, check, tree};

/// An environment variable of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentVariable {
    /// `OPTIONFLEET_…`
    pub name: String,
    /// Its text.
    pub value: String,
}

/// A flag that stands for a setting.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagValue {
    /// The setting's dotted key.
    pub key: &'static str,
    /// The flag as it is typed.
    pub flag: &'static str,
    /// Its value.
    pub value: Value,
}

/// Everything that may change a default.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The file, if there is one, and its text.
    pub file: Option<(PathBuf, String)>,
    /// Variables of ours.
    pub environment: Vec<EnvironmentVariable>,
    /// Flags.
    pub flags: Vec<FlagValue>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A line of the file.
    File {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// A variable.
    Environment(String),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// One mistake and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where; `None` when no single line is to blame.
    pub origin: Option<Origin>,
    /// What is wrong and what would be right.
    pub text: String,
}

/// Every mistake of a configuration, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.len();
        write!(f, "the configuration has {n} mistake{}", if n == 1 { "" } else { "s" })?;
        for mistake in &self.0 {
            match &mistake.origin {
                Some(origin) => write!(f, "\n  {origin}: {}", mistake.text)?,
                None => write!(f, "\n  {}", mistake.text)?,
            }
        }
        Ok(())
    }
}

/// Settings, and where each that is not a default came from.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The values.
    pub settings: Settings,
    /// By dotted key; absent is a default.
    pub origins: BTreeMap<String, Origin>,
}

/// Variables that are not `<SECTION>__<KEY>` but known all the same, and the setting they stand for. Those without one
/// are read by the command line.
const PLAIN_VARIABLES: &[(&str, Option<&str>)] = &[
    ("OPTIONFLEET_STORE", Some("store.url")),
    ("OPTIONFLEET_QUEUE", Some("queue.url")),
    ("OPTIONFLEET_CONFIG", None),
    ("OPTIONFLEET_LOG", None),
    ("OPTIONFLEET_LOG_FORMAT", None),
];

/// Lays the layers over the defaults.
pub fn resolve(layers: &Layers) -> Result<Resolved, Mistakes> {
    let defaults = tree::to_tree(&Settings::default());
    let mut state = State { tree: defaults.clone(), defaults, origins: BTreeMap::new(), mistakes: Vec::new() };
    if let Some((path, text)) = &layers.file {
        state.lay_file(path, text);
    }
    for variable in &layers.environment {
        state.lay_variable(variable);
    }
    for flag in &layers.flags {
        state.lay(flag.key, flag.value.clone(), Origin::Flag(flag.flag));
    }
    state.finish()
}

struct State {
    defaults: Value,
    tree: Value,
    origins: BTreeMap<String, Origin>,
    mistakes: Vec<Mistake>,
}

impl State {
    fn lay_file(&mut self, path: &std::path::Path, text: &str) {
        let place = |at: usize| Origin::File { path: path.to_owned(), line: line_of(text, at) };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let origin = error.span().map(|span| place(span.start));
            self.mistakes.push(Mistake { origin, text: error.message().to_owned() });
        }
        self.lay_table("", table.get_ref(), &place);
    }

    fn lay_table(&mut self, prefix: &str, table: &DeTable<'_>, place: &dyn Fn(usize) -> Origin) {
        for (key, value) in table {
            let path =
                if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
            let origin = place(key.span().start);
            match (tree::at(&self.defaults, &path), value.get_ref()) {
                (None, _) => self.mistake(origin, unknown(&self.defaults, &path)),
                (Some(Value::Object(_)), DeValue::Table(inner)) => self.lay_table(&path, inner, place),
                (Some(Value::Object(_)), _) => self.mistake(origin, format!("`{path}` is a table: write [{path}]")),
                (Some(_), _) => match json_of(value) {
                    Ok(value) => self.lay(&path, value, origin),
                    Err(why) => self.mistake(origin, format!("`{path}`: {why}")),
                },
            }
        }
    }

    fn lay_variable(&mut self, variable: &EnvironmentVariable) {
        let origin = Origin::Environment(variable.name.clone());
        let key = match PLAIN_VARIABLES.iter().find(|(name, _)| *name == variable.name) {
            Some((_, Some(key))) => (*key).to_owned(),
            Some((_, None)) => return,
            None if Secrets::VARIABLES.contains(&variable.name.as_str()) => return,
            None => {
                let tail = variable.name.strip_prefix("OPTIONFLEET_").unwrap_or(&variable.name);
                tail.to_ascii_lowercase().replace("__", ".")
            }
        };
        match tree::at(&self.defaults, &key) {
            None | Some(Value::Object(_)) => self.mistake(origin, unknown_variable(&self.defaults, &key)),
            // A text needs no quotes in the environment; anything else is spelled as in the file.
            Some(Value::String(_)) => {
                let text = Value::String(variable.value.clone());
                match DeValue::parse(&variable.value).ok().and_then(|value| json_of(&value).ok()) {
                    Some(value) if self.trial(&key, &value).is_ok() => self.lay(&key, value, origin),
                    Some(_) | None => self.lay(&key, text, origin),
                }
            }
            Some(_) => {
                let value = DeValue::parse(&variable.value)
                    .ok()
                    .and_then(|value| json_of(&value).ok())
                    .unwrap_or_else(|| Value::String(variable.value.clone()));
                self.lay(&key, value, origin);
            }
        }
    }

    fn lay(&mut self, key: &str, value: Value, origin: Origin) {
        match self.trial(key, &value) {
            Ok(next) => {
                self.tree = next;
                self.origins.insert(key.to_owned(), origin);
            }
            Err(error) => {
                let text = match wanted(tree::at(&self.defaults, key), &error.to_string()) {
                    Some(wanted) => format!("`{key}` is {}; {wanted} is wanted", redacted_value(value)),
                    None => format!("`{key}`: {error}"),
                };
                self.mistake(origin, text);
            }
        }
    }

    fn trial(&self, key: &str, value: &Value) -> Result<Value, serde_json::Error> {
        let next = tree::with(&self.tree, key, value.clone());
        tree::from_tree(&next).map(|_| next)
    }

    fn mistake(&mut self, origin: Origin, text: String) {
        self.mistakes.push(Mistake { origin: Some(origin), text });
    }

    fn finish(mut self) -> Result<Resolved, Mistakes> {
        match tree::from_tree(&self.tree) {
            Ok(settings) => {
                for problem in check::problems(&settings) {
                    let origin = problem.key.as_ref().and_then(|key| self.origins.get(key)).cloned();
                    self.mistakes.push(Mistake { origin, text: problem.text });
                }
                if self.mistakes.is_empty() {
                    return Ok(Resolved { settings, origins: self.origins });
                }
            }
            // Every leaf was tried when it was laid: only a defect of the defaults comes here.
            Err(error) => self.mistakes.push(Mistake { origin: None, text: error.to_string() }),
        }
        Err(Mistakes(self.mistakes))
    }
}

fn json_of(value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
    let deserializer = toml::de::ValueDeserializer::from(value.clone());
    let plain = toml::Value::deserialize(deserializer).map_err(|error| error.message().to_owned())?;
    match &plain {
        toml::Value::Float(number) if !number.is_finite() => Err("a finite number is wanted here".to_owned()),
        toml::Value::Datetime(_) => Err("no setting is a date; put texts between quotes".to_owned()),
        _ => serde_json::to_value(&plain).map_err(|error| error.to_string()),
    }
}

/// What a setting wants, by the kind of its default; `None` where the setting's own type has better words.
fn wanted(default: Option<&Value>, error: &str) -> Option<&'static str> {
    if !error.starts_with("invalid type") && !error.starts_with("invalid value") {
        return None;
    }
    match default? {
        Value::Number(number) if number.is_f64() => Some("a number"),
        Value::Number(_) => Some("a whole number"),
        Value::String(_) => Some("a text in quotes"),
        Value::Bool(_) => Some("true or false"),
        Value::Array(_) => Some("a list in brackets"),
        Value::Null | Value::Object(_) => None,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn unknown(defaults: &Value, key: &str) -> String {
    // An address that was put where a key belongs.
    let named = if key.contains("://") { shown(key) } else { key.to_owned() };
    match nearest(defaults, key) {
        Some(known) => format!("unknown key `{named}`; did you mean `{known}`?"),
        None => format!("unknown key `{named}`; `optionfleet init-config` writes a file with every key"),
    }
}

fn unknown_variable(defaults: &Value, key: &str) -> String {
    let near_plain = PLAIN_VARIABLES
        .iter()
        .map(|(name, _)| *name)
        .find(|name| strsim::damerau_levenshtein(name, &format!("OPTIONFLEET_{}", key.to_ascii_uppercase())) <= 2);
    let known = near_plain.map(str::to_owned).or_else(|| {
        nearest(defaults, key).map(|known| format!("OPTIONFLEET_{}", known.to_ascii_uppercase().replace('.', "__")))
    });
    match known {
        Some(known) => format!("unknown variable; did you mean {known}?"),
        None => "unknown variable; settings are OPTIONFLEET_<SECTION>__<KEY>".to_owned(),
    }
}

/// The known key (or table) most like an unknown one: the same name in another table, else the nearest spelling.
fn nearest(defaults: &Value, key: &str) -> Option<String> {
    let leaves = tree::leaves(defaults);
    let mut known: Vec<String> = leaves.iter().map(|(leaf, _)| leaf.clone()).collect();
    for (leaf, _) in &leaves {
        let mut table = leaf.as_str();
        while let Some((parent, _)) = table.rsplit_once('.') {
            known.push(parent.to_owned());
            table = parent;
        }
    }
    known.sort();
    known.dedup();
    let last = key.rsplit('.').next().unwrap_or(key);
    let similarity = |known: &str| {
        let known_last = known.rsplit('.').next().unwrap_or(known);
        let whole = strsim::normalized_damerau_levenshtein(known, key);
        let tail = strsim::normalized_damerau_levenshtein(known_last, last);
        whole.max(0.9 * tail)
    };
    let best = known.into_iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b)))?;
    // Below this the suggestion confuses more than it helps.
    (similarity(&best) >= 0.6).then_some(best)
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
