//! A `redis-server` that writes every command to its append-only file before it answers.

use std::fmt::Write as _;
use std::path::Path;

use crate::certificates::Certificates;
use crate::process::{Process, Program};

/// How a server differs from an open one that loses nothing.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// The default user needs this password.
    pub password: Option<String>,
    /// ACL users, each as after `user ` in a configuration file, e.g. `fleet on >secret ~optionfleet:* +@all`.
    pub users: Vec<String>,
    /// Whether it keeps a log of its writes.
    pub append_only: AppendOnly,
    /// What it throws away when it is full; `None`: `noeviction`.
    pub maxmemory_policy: Option<String>,
    /// TLS only, with this certificate.
    pub tls: Option<Certificates>,
    /// Lines added to its configuration.
    pub extra: String,
}

/// Whether a server keeps a log of its writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AppendOnly {
    /// Each write is on the disk before it is answered.
    #[default]
    Always,
    /// A restart loses everything.
    Off,
}

/// A running `redis-server`; ended when dropped.
pub struct RedisServer {
    process: Process,
    scheme: &'static str,
}

impl RedisServer {
    /// An open server with `appendonly yes`, `appendfsync always`, `noeviction`. Returns once it serves.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(RedisOptions::default())
    }

    /// A server with options. Returns once it serves.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    #[must_use]
    pub fn start_with(options: RedisOptions) -> Self {
        let scheme = if options.tls.is_some() { "rediss" } else { "redis" };
        let process = Process::start(Program {
            name: "redis-server",
            ready: "Ready to accept connections",
            configuration: Box::new(move |port, store| configuration(&options, port, store)),
            arguments: &[],
        });
        Self { process, scheme }
    }

    /// `redis://127.0.0.1:PORT/`, or `rediss://…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}/", self.scheme, self.process.port())
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

    /// Kills it if it runs; starts it on the same port with the same append-only file.
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

    /// What it said so far, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

fn configuration(options: &RedisOptions, port: u16, store: &Path) -> String {
    let mut text = format!("bind 127.0.0.1\ndaemonize no\ndir {store:?}\nsave \"\"\n");
    match &options.tls {
        None => {
            let _ = writeln!(text, "port {port}");
        }
        Some(tls) => {
            let (certificate, key) = (tls.certificate(), tls.key());
            let _ = writeln!(text, "port 0\ntls-port {port}\ntls-cert-file {certificate:?}\ntls-key-file {key:?}");
            let _ = writeln!(text, "tls-ca-cert-file {:?}\ntls-auth-clients no", tls.authority());
        }
    }
    text.push_str(match options.append_only {
        AppendOnly::Always => "appendonly yes\nappendfsync always\n",
        AppendOnly::Off => "appendonly no\n",
    });
    let _ = writeln!(text, "maxmemory-policy {}", options.maxmemory_policy.as_deref().unwrap_or("noeviction"));
    if let Some(password) = &options.password {
        let _ = writeln!(text, "requirepass {password:?}");
    }
    for user in &options.users {
        let _ = writeln!(text, "user {user}");
    }
    text.push_str(&options.extra);
    text.push('\n');
    text
}
