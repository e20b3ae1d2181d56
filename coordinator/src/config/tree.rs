//! The settings as one tree of JSON values: the form in which layers are laid over each other, and the only place that
//! knows which tables belong to which crate.

use serde_json::{Map, Value};

use fleet_analysis::AnalysisConfig;

use super::Settings;

/// Settings as a tree; a setting without a value is `null`, so the tree of the defaults names every key.
pub fn to_tree(settings: &Settings) -> Value {
    let mut tree = object(serde_json::to_value(settings));
    tree.extend(object(serde_json::to_value(&settings.analysis)));
    Value::Object(tree)
}

/// Settings of a tree. The error names what serde disliked, not the key.
pub fn from_tree(tree: &Value) -> Result<Settings, serde_json::Error> {
    let analysis_keys = object(serde_json::to_value(AnalysisConfig::default()));
    let (analysis, own): (Map<String, Value>, Map<String, Value>) =
        tree.as_object().cloned().unwrap_or_default().into_iter().partition(|(key, _)| analysis_keys.contains_key(key));
    let mut settings: Settings = serde_json::from_value(Value::Object(own))?;
    settings.analysis = serde_json::from_value(Value::Object(analysis))?;
    Ok(settings)
}

/// Every leaf as `dotted.key` and value, in order of the key.
pub fn leaves(tree: &Value) -> Vec<(String, Value)> {
    fn walk(prefix: &str, node: &Value, into: &mut Vec<(String, Value)>) {
        match node {
            Value::Object(table) => {
                for (key, value) in table {
                    let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                    walk(&path, value, into);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                into.push((prefix.to_owned(), node.clone()));
            }
        }
    }
    let mut into = Vec::new();
    walk("", tree, &mut into);
    into
}

/// The node at a dotted key.
pub fn at<'a>(tree: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(tree, |node, part| node.get(part))
}

/// The tree with one leaf replaced. A key that is not there changes nothing.
pub fn with(tree: &Value, key: &str, value: Value) -> Value {
    let mut next = tree.clone();
    let node = key.split('.').try_fold(&mut next, |node, part| node.get_mut(part));
    if let Some(node) = node {
        *node = value;
    }
    next
}

fn object(value: Result<Value, serde_json::Error>) -> Map<String, Value> {
    // Both structs consist of plain tables, strings and finite numbers: JSON holds them all.
    match value {
        Ok(Value::Object(map)) => map,
        Ok(_) | Err(_) => Map::new(),
    }
}
