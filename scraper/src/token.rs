//! The token of a Robinhood account: a secret of the process that asks. It is in no manifest, no configuration, no message.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use reqwest::header::HeaderValue;

/// A larger file is no token.
const MAX_BYTES: u64 = 16 * 1024;

/// A bearer token; shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct RobinhoodToken(HeaderValue);

/// Why the environment's token cannot be used. It names variables and files, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadToken(String);

impl RobinhoodToken {
    /// The variable that holds it.
    pub const VARIABLE: &'static str = "ROBINHOOD_TOKEN";
    /// The variable that names a file of it, as orchestrators mount them.
    pub const FILE_VARIABLE: &'static str = "ROBINHOOD_TOKEN_FILE";

    /// Reads it from the environment, or from the file that is named there; `None`: neither is set. An empty variable is as
    /// good as none.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, BadToken> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let (name, file) = (Self::VARIABLE, Self::FILE_VARIABLE);
        match (set(name), set(file)) {
            (Some(_), Some(_)) => Err(BadToken(format!("{name} and {file} are both set; set one of them"))),
            (Some(text), None) => Self::parse(&text).map(Some).ok_or_else(|| no_token(&format!("{name} holds"))),
            (None, Some(path)) => {
                let words = format!("{file} names {path}, which");
                let text = read(Path::new(&path)).map_err(|why| BadToken(format!("{words} {why}")))?;
                Self::parse(&text).map(Some).ok_or_else(|| no_token(&format!("{words} holds")))
            }
            (None, None) => Ok(None),
        }
    }

    /// A token as it is written, with or without `Bearer` before it: one printable word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let word = text.strip_prefix("Bearer ").unwrap_or(text).trim();
        if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {word}")).ok()?;
        header.set_sensitive(true);
        Some(Self(header))
    }

    /// The value of the `authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for RobinhoodToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn no_token(where_it_is: &str) -> BadToken {
    BadToken(format!("{where_it_is} no token: one word of printable characters is wanted"))
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let opened = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    opened.map_err(|error| format!("cannot be read ({error})"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("is larger than 16 KiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "is no text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<RobinhoodToken>, BadToken> {
        RobinhoodToken::from_env(|name| {
            variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn it_comes_from_the_environment_or_a_file_and_is_shown_nowhere() {
        let expected = RobinhoodToken::parse("abc.DEF-1").unwrap();
        assert_eq!(expected.header(), "Bearer abc.DEF-1");
        assert_eq!(of(&[("ROBINHOOD_TOKEN", " Bearer abc.DEF-1\n")]), Ok(Some(expected.clone())));
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("ROBINHOOD_TOKEN", " ")]), Ok(None));
        let path = std::env::temp_dir().join(format!("optionfleet-token-{}", std::process::id()));
        std::fs::write(&path, "abc.DEF-1\r\n").unwrap();
        assert_eq!(of(&[("ROBINHOOD_TOKEN_FILE", path.to_str().unwrap())]), Ok(Some(expected.clone())));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(format!("{expected:?} {:?}", expected.header()), "*** Sensitive");
    }

    #[test]
    fn a_mistake_is_named_without_its_value() {
        #[track_caller]
        fn check(variables: &[(&str, &str)], words: &str) {
            let error = of(variables).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("s3cret"), "{error}");
        }
        check(&[("ROBINHOOD_TOKEN", "s3cret"), ("ROBINHOOD_TOKEN_FILE", "x")], "both set");
        check(&[("ROBINHOOD_TOKEN", "s3cret s3cret")], "ROBINHOOD_TOKEN holds no token");
        check(&[("ROBINHOOD_TOKEN", "s3cret\u{7}")], "ROBINHOOD_TOKEN holds no token");
        check(&[("ROBINHOOD_TOKEN_FILE", "/nonexistent/token")], "/nonexistent/token, which cannot be read");
    }
}
