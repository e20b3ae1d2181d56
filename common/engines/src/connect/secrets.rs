//! Secrets of the queue and the store: from the environment, each also from a file named by `<VARIABLE>_FILE`, as
//! orchestrators mount them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A larger file is no secret: keys, tokens and credentials files are below 4 KiB.
pub(crate) const MAX_FILE: u64 = 64 * 1024;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who must send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why the environment's secrets cannot be used. It names variables and files, never a value.
#[derive(Debug, thiserror::Error)]
pub enum BadSecret {
    /// Two variables say the same thing.
    #[error("{variable} and {variable}_FILE are both set; set one of them")]
    Twice {
        /// The one without `_FILE`.
        variable: String,
    },
    /// The file cannot be read.
    #[error("{variable} names {}, which cannot be read", path.display())]
    Unreadable {
        /// Which variable.
        variable: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{variable} names {}, which {why}", path.display())]
    NoSecret {
        /// Which variable.
        variable: String,
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More than one way to get in.
    #[error("{first} and {second} are both given, but only one can be used")]
    Ambiguous {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Half of a way to get in.
    #[error("{given} is given without {missing}")]
    Incomplete {
        /// What there is.
        given: &'static str,
        /// What there is not.
        missing: &'static str,
    },
    /// Not of the right shape.
    #[error("{what} {why}")]
    Malformed {
        /// Which secret.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// What the environment says about getting in; `Debug` shows no secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secrets {
    /// `OPTIONFLEET_NATS_USER`.
    pub nats_user: Option<String>,
    /// `OPTIONFLEET_NATS_PASSWORD`.
    pub nats_password: Option<Secret>,
    /// `OPTIONFLEET_NATS_TOKEN`.
    pub nats_token: Option<Secret>,
    /// `OPTIONFLEET_NATS_NKEY`: the seed of a user's nkey.
    pub nats_nkey_seed: Option<Secret>,
    /// `OPTIONFLEET_NATS_CREDS` (or `…_CREDS_FILE`): the path of a credentials file.
    pub nats_creds: Option<PathBuf>,
    /// `OPTIONFLEET_REDIS_USER`.
    pub redis_user: Option<String>,
    /// `OPTIONFLEET_REDIS_PASSWORD`.
    pub redis_password: Option<Secret>,
    /// `OPTIONFLEET_CA_FILE`: certificates (PEM) of the authorities to trust, instead of the public ones.
    pub ca_file: Option<PathBuf>,
}

impl Secrets {
    /// The names of all variables read, for whoever refuses unknown ones.
    pub const VARIABLES: [&str; 13] = [
        "OPTIONFLEET_NATS_USER",
        "OPTIONFLEET_NATS_PASSWORD",
        "OPTIONFLEET_NATS_PASSWORD_FILE",
        "OPTIONFLEET_NATS_TOKEN",
        "OPTIONFLEET_NATS_TOKEN_FILE",
        "OPTIONFLEET_NATS_NKEY",
        "OPTIONFLEET_NATS_NKEY_FILE",
        "OPTIONFLEET_NATS_CREDS",
        "OPTIONFLEET_NATS_CREDS_FILE",
        "OPTIONFLEET_REDIS_USER",
        "OPTIONFLEET_REDIS_PASSWORD",
        "OPTIONFLEET_REDIS_PASSWORD_FILE",
        "OPTIONFLEET_CA_FILE",
    ];

    /// Reads them. An empty variable is as good as none.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BadSecret> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let secret = |name: &str| -> Result<Option<Secret>, BadSecret> {
            let file = format!("{name}_FILE");
            match (set(name), set(&file)) {
                (Some(_), Some(_)) => Err(BadSecret::Twice { variable: name.to_owned() }),
                (Some(value), None) => Ok(Some(Secret(value))),
                (None, Some(path)) => read_secret(&file, Path::new(&path)).map(Some),
                (None, None) => Ok(None),
            }
        };
        let creds = "OPTIONFLEET_NATS_CREDS";
        let nats_creds = match (set(creds), set(&format!("{creds}_FILE"))) {
            (Some(_), Some(_)) => return Err(BadSecret::Twice { variable: creds.to_owned() }),
            (path, other) => path.or(other).map(PathBuf::from),
        };
        Ok(Self {
            nats_user: set("OPTIONFLEET_NATS_USER"),
            nats_password: secret("OPTIONFLEET_NATS_PASSWORD")?,
            nats_token: secret("OPTIONFLEET_NATS_TOKEN")?,
            nats_nkey_seed: secret("OPTIONFLEET_NATS_NKEY")?,
            nats_creds,
            redis_user: set("OPTIONFLEET_REDIS_USER"),
            redis_password: secret("OPTIONFLEET_REDIS_PASSWORD")?,
            ca_file: set("OPTIONFLEET_CA_FILE").map(PathBuf::from),
        })
    }
}

/// The text of a file that holds one secret, without the line end an editor leaves behind it.
pub(crate) fn read_secret(variable: &str, path: &Path) -> Result<Secret, BadSecret> {
    let no_secret = |why| BadSecret::NoSecret { variable: variable.to_owned(), path: path.to_owned(), why };
    let bytes = read_bounded(path, MAX_FILE).map_err(|source| BadSecret::Unreadable {
        variable: variable.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    let bytes = bytes.ok_or_else(|| no_secret("is larger than 64 KiB"))?;
    let text = String::from_utf8(bytes).map_err(|_| no_secret("is no text"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(no_secret("is empty"));
    }
    Ok(Secret::new(text))
}

/// `None`: larger than `limit`.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Secrets, BadSecret> {
        Secrets::from_env(|name| {
            assert!(Secrets::VARIABLES.contains(&name), "{name} is read but not listed");
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn secrets_come_from_variables_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "from a file\r\n").unwrap();
        let secrets = read(&[
            ("OPTIONFLEET_NATS_USER", "fleet"),
            ("OPTIONFLEET_NATS_PASSWORD_FILE", file.to_str().unwrap()),
            ("OPTIONFLEET_NATS_TOKEN", ""),
            ("OPTIONFLEET_NATS_CREDS", "/etc/fleet.creds"),
            ("OPTIONFLEET_REDIS_PASSWORD", "from a variable"),
            ("OPTIONFLEET_CA_FILE", "/etc/ca.pem"),
        ])
        .unwrap();
        assert_eq!(secrets.nats_user.as_deref(), Some("fleet"));
        assert_eq!(secrets.nats_password.as_ref().unwrap().expose(), "from a file");
        assert_eq!(secrets.redis_password.as_ref().unwrap().expose(), "from a variable");
        assert_eq!(secrets.nats_token, None);
        assert_eq!(secrets.nats_creds.as_deref(), Some(Path::new("/etc/fleet.creds")));
        assert_eq!(secrets.ca_file.as_deref(), Some(Path::new("/etc/ca.pem")));
        let shown = format!("{secrets:?}");
        assert!(!shown.contains("from a") && shown.contains("***"), "{shown}");
    }

    #[test]
    fn files_that_hold_no_secret_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let limit = usize::try_from(MAX_FILE).unwrap();
        let absent = folder.path().join("absent").to_str().unwrap().to_owned();
        for (path, words) in [
            (write("large", &vec![b'x'; limit + 1]), "larger than 64 KiB"),
            (write("empty", b"\n"), "is empty"),
            (write("bytes", &[0xff, 0xfe]), "is no text"),
            (absent, "cannot be read"),
        ] {
            let error = read(&[("OPTIONFLEET_REDIS_PASSWORD_FILE", &path)]).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(&path), "{error}");
        }
        let full = write("full", &vec![b'x'; limit]);
        assert!(read(&[("OPTIONFLEET_REDIS_PASSWORD_FILE", &full)]).is_ok());
    }

    #[test]
    fn a_secret_given_twice_is_refused() {
        for (one, other) in [
            ("OPTIONFLEET_NATS_NKEY", "OPTIONFLEET_NATS_NKEY_FILE"),
            ("OPTIONFLEET_NATS_CREDS", "OPTIONFLEET_NATS_CREDS_FILE"),
        ] {
            let error = read(&[(one, "SECRET"), (other, "/x")]).unwrap_err().to_string();
            assert!(error.contains(one) && !error.contains("SECRET"), "{error}");
        }
    }
}
