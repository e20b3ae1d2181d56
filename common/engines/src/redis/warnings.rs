//! Settings of the server that can lose what was answered: each named in a sentence with what to do.

use std::collections::BTreeMap;

use ::redis::{ErrorKind, RedisError, ServerErrorKind, Value};
use fleet_core::seams::StoreError;

use super::call::Again;
use super::{RedisStore, failure};

/// The settings that are looked at.
const SETTINGS: [&str; 3] = ["appendonly", "appendfsync", "maxmemory-policy"];

impl RedisStore {
    /// What is wrong with the server's settings, for people; empty: nothing is.
    pub async fn durability_warnings(&self) -> Result<Vec<String>, StoreError> {
        let mut warnings = Vec::new();
        let mut get = ::redis::cmd("CONFIG");
        get.arg("GET").arg(&SETTINGS);
        match self.link.send(&get, Again::Safe).await {
            Ok(answer) => warnings.extend(settings(&pairs(answer), self.address())),
            Err(error) if is_refusal(&error) => warnings.push(format!(
                "{}: this user may not run CONFIG GET, so it could not be checked whether the server keeps what it is \
                 told; see to appendonly yes, appendfsync always (or everysec) and maxmemory-policy noeviction",
                self.address()
            )),
            Err(error) => return Err(failure::of(&error, self.address())),
        }
        match self.link.send(&::redis::cmd("ROLE"), Again::Safe).await {
            Ok(answer) => warnings.extend(role(&answer, self.address())),
            // Only a hint: a replica refuses the first write anyway.
            Err(error) if is_refusal(&error) => {}
            Err(error) => return Err(failure::of(&error, self.address())),
        }
        Ok(warnings)
    }
}

/// Not allowed, or not offered: hosted servers leave these commands out.
fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError))
}

fn settings(found: &BTreeMap<String, String>, server: &str) -> Vec<String> {
    let is = |name: &str, value: &str| found.get(name).is_some_and(|found| found == value);
    let mut warnings = Vec::new();
    if is("appendonly", "no") {
        warnings.push(format!(
            "{server}: appendonly is no, so a restart loses trades and scans; set `appendonly yes` and `appendfsync always`"
        ));
    } else if is("appendfsync", "no") {
        warnings.push(format!(
            "{server}: appendfsync is no, so a crash of its machine loses up to 30 s; set `appendfsync always` (or everysec)"
        ));
    }
    if let Some(policy) = found.get("maxmemory-policy").filter(|policy| *policy != "noeviction") {
        warnings.push(format!(
            "{server}: maxmemory-policy is {policy}, so trades are thrown away when memory is short; set `maxmemory-policy \
             noeviction`"
        ));
    }
    warnings
}

fn role(answer: &Value, server: &str) -> Option<String> {
    let Value::Array(parts) = answer else { return None };
    match parts.first().and_then(text) {
        Some(role) if role != "master" => {
            Some(format!("{server} is a {role}, which is only read from; name the primary"))
        }
        Some(_) | None => None,
    }
}

fn pairs(answer: Value) -> BTreeMap<String, String> {
    let flat = match answer {
        Value::Array(flat) => flat,
        Value::Map(pairs) => pairs.into_iter().flat_map(|(name, value)| [name, value]).collect(),
        _ => Vec::new(),
    };
    flat.chunks_exact(2).filter_map(|pair| Some((text(&pair[0])?, text(&pair[1])?))).collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(appendonly: &str, appendfsync: &str, policy: &str) -> Vec<String> {
        let pairs = SETTINGS.into_iter().zip([appendonly, appendfsync, policy]);
        settings(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), "redis://x:1/0")
    }

    #[test]
    fn each_setting_that_loses_data_is_named() {
        assert!(found("yes", "always", "noeviction").is_empty());
        assert!(found("yes", "everysec", "noeviction").is_empty());
        assert!(found("no", "always", "noeviction")[0].contains("appendonly"));
        assert!(found("yes", "no", "noeviction")[0].contains("appendfsync"));
        assert!(found("yes", "always", "allkeys-lru")[0].contains("allkeys-lru"));
        assert_eq!(found("no", "no", "volatile-ttl").len(), 2);
    }

    #[test]
    fn a_replica_is_named() {
        let role_of = |word: &str| role(&Value::Array(vec![Value::BulkString(word.into())]), "redis://x:1/0");
        assert_eq!(role_of("master"), None);
        assert!(role_of("slave").is_some());
    }
}
