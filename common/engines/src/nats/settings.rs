//! How to reach the task queue on NATS, and how it is laid out there.

use std::path::PathBuf;
use std::time::Duration;

use crate::connect::{ACK_WAIT, BadSecret, NatsAddress, Secret, Secrets};
use crate::store_id::StoreId;

/// Everything a [`super::NatsQueue`] needs to know. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct NatsSettings {
    /// Where.
    pub address: NatsAddress,
    /// Who asks.
    pub auth: NatsAuth,
    /// Authorities to trust with TLS, instead of the public ones (PEM).
    pub ca_file: Option<PathBuf>,
    /// The name of this connection in the server's lists.
    pub client_name: String,
    /// The stream's name.
    pub stream: String,
    /// The first tokens of its subjects.
    pub subject_prefix: String,
    /// The durable consumer's name; all workers share it.
    pub consumer: String,
    /// A holder that shows no sign of life for so long loses its delivery.
    pub ack_wait: Duration,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NatsAuth {
    /// Nobody in particular.
    Open,
    /// A user.
    User {
        /// Its name.
        user: String,
        /// Its password.
        password: Secret,
    },
    /// Whoever has the token.
    Token(Secret),
    /// Whoever has the seed (`SU…`) of a user's nkey.
    Nkey(Secret),
    /// Whoever has a credentials file (a user's JWT and seed).
    Credentials(PathBuf),
}

impl NatsSettings {
    /// The layout for the tasks of one store, with what the address and the environment say about getting in.
    pub fn new(address: &NatsAddress, secrets: &Secrets, store: &StoreId) -> Result<Self, BadSecret> {
        Ok(Self {
            address: address.clone(),
            auth: NatsAuth::choose(address, secrets)?,
            ca_file: secrets.ca_file.clone(),
            client_name: format!("optionfleet {}", env!("CARGO_PKG_VERSION")),
            stream: stream_of(store),
            subject_prefix: subjects_of(store),
            consumer: "workers".to_owned(),
            ack_wait: ACK_WAIT,
        })
    }

    /// The same for the tasks of another store.
    pub(super) fn of_store(&self, store: &StoreId) -> Self {
        Self { stream: stream_of(store), subject_prefix: subjects_of(store), ..self.clone() }
    }
}

fn stream_of(store: &StoreId) -> String {
    format!("WORK-{store}")
}

/// Under one first token, so that one right (`work.>`) is enough for whoever hands out rights.
fn subjects_of(store: &StoreId) -> String {
    format!("work.{store}")
}

impl NatsAuth {
    /// The one way in; two are refused, because which of them counts would be a guess.
    pub fn choose(address: &NatsAddress, secrets: &Secrets) -> Result<Self, BadSecret> {
        const USER: &str = "OPTIONFLEET_NATS_USER";
        const PASSWORD: &str = "OPTIONFLEET_NATS_PASSWORD";
        let mut ways: Vec<(&'static str, Self)> = Vec::new();
        // What the address says wins over what the environment says, as with the store.
        let user = address.user.as_ref().or(secrets.nats_user.as_ref());
        let password = address.password.as_ref().or(secrets.nats_password.as_ref());
        match (user, password) {
            (Some(user), Some(password)) => {
                ways.push(("a NATS user and password", Self::User { user: user.clone(), password: password.clone() }));
            }
            (Some(_), None) => return Err(BadSecret::Incomplete { given: "a NATS user", missing: PASSWORD }),
            (None, Some(_)) => return Err(BadSecret::Incomplete { given: "a NATS password", missing: USER }),
            (None, None) => {}
        }
        if let Some(token) = &secrets.nats_token {
            ways.push(("OPTIONFLEET_NATS_TOKEN", Self::Token(token.clone())));
        }
        if let Some(seed) = &secrets.nats_nkey_seed {
            if !is_user_seed(seed.expose()) {
                let why = "is no seed of a user's nkey (58 letters and digits beginning with SU)";
                return Err(BadSecret::Malformed { what: "OPTIONFLEET_NATS_NKEY", why });
            }
            ways.push(("OPTIONFLEET_NATS_NKEY", Self::Nkey(seed.clone())));
        }
        if let Some(path) = &secrets.nats_creds {
            ways.push(("OPTIONFLEET_NATS_CREDS", Self::Credentials(path.clone())));
        }
        match ways.as_slice() {
            [] => Ok(Self::Open),
            [(_, way)] => Ok(way.clone()),
            [(first, _), (second, _), ..] => Err(BadSecret::Ambiguous { first, second }),
        }
    }
}

/// 32 bytes, two of prefix and two of checksum in base32.
fn is_user_seed(text: &str) -> bool {
    let base32 = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
    text.len() == 58 && text.starts_with("SU") && text.bytes().all(base32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::QueueAddress;

    fn choose(address: &str, secrets: &Secrets) -> Result<NatsAuth, BadSecret> {
        match QueueAddress::parse(address).unwrap() {
            QueueAddress::Nats(address) => NatsAuth::choose(&address, secrets),
            QueueAddress::InProcess => panic!("no NATS address: {address}"),
        }
    }

    fn user(user: &str, password: &str) -> NatsAuth {
        NatsAuth::User { user: user.to_owned(), password: Secret::new(password) }
    }

    #[test]
    fn there_is_one_way_in() {
        let none = Secrets::default();
        assert_eq!(choose("nats://a", &none).unwrap(), NatsAuth::Open);
        assert_eq!(choose("nats://fleet:pw@a", &none).unwrap(), user("fleet", "pw"));
        let password = Secrets { nats_password: Some(Secret::new("env")), ..Secrets::default() };
        assert_eq!(choose("nats://fleet@a", &password).unwrap(), user("fleet", "env"));
        let both = Secrets { nats_user: Some("other".to_owned()), ..password.clone() };
        assert_eq!(choose("nats://a", &both).unwrap(), user("other", "env"));
        assert_eq!(choose("nats://fleet:pw@a", &both).unwrap(), user("fleet", "pw"));
        let token = Secrets { nats_token: Some(Secret::new("t")), ..Secrets::default() };
        assert_eq!(choose("nats://a", &token).unwrap(), NatsAuth::Token(Secret::new("t")));
        let creds = Secrets { nats_creds: Some("/x".into()), ..Secrets::default() };
        assert_eq!(choose("nats://a", &creds).unwrap(), NatsAuth::Credentials("/x".into()));
    }

    #[test]
    fn two_ways_in_and_halves_of_one_are_refused_without_secrets() {
        let password = Secrets { nats_password: Some(Secret::new("SECRET")), ..Secrets::default() };
        let token = Secrets { nats_token: Some(Secret::new("SECRET")), ..Secrets::default() };
        let creds = Secrets { nats_creds: Some("/x".into()), ..token.clone() };
        let seed = Secrets { nats_nkey_seed: Some(Secret::new("SECRET")), ..Secrets::default() };
        for (address, secrets, words) in [
            ("nats://u:SECRET@a", &token, "both given"),
            ("nats://a", &creds, "both given"),
            ("nats://SECRET@a", &Secrets::default(), "without"),
            ("nats://a", &password, "without"),
            ("nats://a", &seed, "no seed"),
        ] {
            let error = choose(address, secrets).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("SECRET"), "{address}: {error}");
        }
    }
}
