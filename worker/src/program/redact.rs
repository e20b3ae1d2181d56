//! Passwords in URLs are never printed: not in an error, not in a mistake, not in the configuration in force.

/// A text in which each URL has `***` for its password (`user:***@host`), or for the whole of what stands before the `@`
/// where there is no user name to keep.
#[must_use]
pub fn redacted(text: &str) -> String {
    let mut parts = text.split("://");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole += "://";
        whole += &redacted_authority(part);
    }
    whole
}

/// What follows `://`. A password may hold a slash that should have been escaped, so its end is the last `@` of the word.
fn redacted_authority(rest: &str) -> String {
    let end = rest.find(|c: char| c.is_whitespace() || "`\"'<>".contains(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    match word.rsplit_once('@') {
        None => rest.to_owned(),
        Some((secret, host)) => match secret.split_once(':') {
            Some((user, _)) => format!("{user}:***@{host}{after}"),
            None => format!("***@{host}{after}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(redacted(text), expected);
    }

    #[test]
    fn passwords_become_stars() {
        check("redis://me:s3cret@h:6379/0", "redis://me:***@h:6379/0");
        check("redis://:s3cret@h", "redis://:***@h");
        check("nats://token@h", "nats://***@h");
        check("is `http://u:p/w#d@h/x`; or https://a:b@c", "is `http://u:***@h/x`; or https://a:***@c");
        check("http://127.0.0.1:8600/cboe and a@b", "http://127.0.0.1:8600/cboe and a@b");
        check("sqlite:/tmp/x.db", "sqlite:/tmp/x.db");
    }
}
