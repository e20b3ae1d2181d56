//! A `nats-server` with JetStream on a file store.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::certificates::Certificates;
use crate::process::{Process, Program};

/// How a server differs from an open one with JetStream.
#[derive(Debug, Clone, Default)]
pub struct NatsOptions {
    /// Who may connect.
    pub auth: NatsAuth,
    /// TLS only, with this certificate.
    pub tls: Option<Certificates>,
    /// Whether it keeps streams.
    pub jetstream: JetStream,
    /// Lines added to its configuration.
    pub extra: String,
}

/// Who may connect.
#[derive(Debug, Clone, Default)]
pub enum NatsAuth {
    /// Everybody.
    #[default]
    Open,
    /// One user with a password.
    User {
        /// Its name.
        user: String,
        /// Its password.
        password: String,
    },
    /// Whoever has this token.
    Token(String),
    /// Whoever has the seed of this public nkey (`U…`).
    Nkey(String),
}

/// Whether a server keeps streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JetStream {
    /// In files.
    #[default]
    On,
    /// It is a plain message server.
    Off,
}

/// A running `nats-server`; ended when dropped.
pub struct NatsServer {
    process: Process,
    scheme: &'static str,
}

impl NatsServer {
    /// An open server with JetStream. Returns once it serves.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(NatsOptions::default())
    }

    /// A server with options. Returns once it serves.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    #[must_use]
    pub fn start_with(options: NatsOptions) -> Self {
        let scheme = if options.tls.is_some() { "tls" } else { "nats" };
        let process = Process::start(Program {
            name: "nats-server",
            ready: "Server is ready",
            configuration: Box::new(move |port, store| configuration(&options, port, store)),
            arguments: &["-c"],
        });
        Self { process, scheme }
    }

    /// `nats://127.0.0.1:PORT`, or `tls://…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.process.port())
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it was killed and not restarted.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// `kill -9`. Killing a killed server does nothing.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Kills it if it runs; starts it on the same port with the same store.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.process.restart();
    }

    /// Like `restart`, but it has forgotten everything.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart_wiped(&mut self) {
        self.process.restart_wiped();
    }

    /// `SIGSTOP`: connections stay open, nothing is answered.
    ///
    /// # Panics
    /// When it is not running.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// `SIGCONT`.
    ///
    /// # Panics
    /// When it is not running.
    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// The folder in which it keeps its streams.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.process.store()
    }

    /// What it said so far, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

fn configuration(options: &NatsOptions, port: u16, store: &Path) -> String {
    let mut text = format!("listen: \"127.0.0.1:{port}\"\n");
    if options.jetstream == JetStream::On {
        let _ = writeln!(text, "jetstream {{ store_dir: {store:?}, max_memory_store: 64MB, max_file_store: 1GB }}");
    }
    match &options.auth {
        NatsAuth::Open => {}
        NatsAuth::User { user, password } => {
            let _ = writeln!(text, "authorization {{ user: {user:?}, password: {password:?} }}");
        }
        NatsAuth::Token(token) => {
            let _ = writeln!(text, "authorization {{ token: {token:?} }}");
        }
        NatsAuth::Nkey(public) => {
            let _ = writeln!(text, "authorization {{ users: [ {{ nkey: {public} }} ] }}");
        }
    }
    if let Some(tls) = &options.tls {
        let (certificate, key) = (tls.certificate(), tls.key());
        let _ = writeln!(text, "tls {{ cert_file: {certificate:?}, key_file: {key:?} }}");
    }
    text.push_str(&options.extra);
    text.push('\n');
    text
}
