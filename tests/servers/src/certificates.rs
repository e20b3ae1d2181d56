//! Certificates for test servers: an authority of its own and a certificate for `localhost` and `127.0.0.1`, made by
//! the `openssl` program when asked for, good for a day.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

/// Files of one authority and one server. Clones share them; they are deleted with the last one.
#[derive(Debug, Clone)]
pub struct Certificates(Arc<TempDir>);

impl Certificates {
    /// Makes them; about 50 ms.
    ///
    /// # Panics
    /// When `openssl` is missing or refuses.
    #[must_use]
    pub fn make() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder for certificates");
        let made = Self(Arc::new(folder));
        let folder = made.0.path();
        let ca_key = folder.join("ca.key");
        let request = folder.join("request.pem");
        let extensions = folder.join("extensions");
        std::fs::write(&extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
            .expect("writing a certificate's extensions");
        let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        openssl(
            Command::new("openssl")
                .args(["req", "-x509", "-days", "1", "-subj", "/CN=Optionfleet test authority"])
                .args(new_key)
                .arg("-keyout")
                .arg(&ca_key)
                .arg("-out")
                .arg(made.authority()),
        );
        openssl(
            Command::new("openssl")
                .args(["req", "-subj", "/CN=localhost"])
                .args(new_key)
                .arg("-keyout")
                .arg(made.key())
                .arg("-out")
                .arg(&request),
        );
        openssl(
            Command::new("openssl")
                .args(["x509", "-req", "-days", "1", "-CAcreateserial", "-in"])
                .arg(&request)
                .arg("-CA")
                .arg(made.authority())
                .arg("-CAkey")
                .arg(&ca_key)
                .arg("-extfile")
                .arg(&extensions)
                .arg("-out")
                .arg(made.certificate()),
        );
        made
    }

    /// The authority's certificate: what a client is given as its CA file.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.0.path().join("ca.pem")
    }

    /// The server's certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.0.path().join("server.pem")
    }

    /// The server's private key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.0.path().join("server.key")
    }

    /// The folder they are in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.0.path()
    }
}

fn openssl(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output();
    match done {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("openssl refused {command:?}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("`openssl` is needed for tests with TLS (`apt-get install openssl`): {error}"),
    }
}
