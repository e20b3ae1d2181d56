//! Whose certificates are trusted when AWS is called: Mozilla's roots, compiled in, so that a machine without system
//! certificates works; and those of a file, for a company's proxy. The system's own store is not read, as nowhere in the
//! program.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----\n";
const END: &str = "-----END CERTIFICATE-----\n";
/// Characters a line of PEM has (RFC 7468, section 2).
const LINE: usize = 64;
/// More is no file of certificates.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// Why a CA file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the CA file {} cannot be used: {why}", path.display())]
pub struct BadCaFile {
    /// Which.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// Everything that is trusted, as PEM.
pub fn trusted(ca_file: Option<&Path>) -> Result<String, BadCaFile> {
    let mut all = ca_file.map(of_file).transpose()?.unwrap_or_default();
    for certificate in TLS_SERVER_ROOT_CERTS {
        all.push_str(&pem(certificate));
    }
    Ok(all)
}

fn of_file(path: &Path) -> Result<String, BadCaFile> {
    let refuse = |why: String| BadCaFile { path: path.to_owned(), why };
    let size = path.metadata().map_err(|error| refuse(error.to_string()))?.len();
    if size > MOST_BYTES {
        return Err(refuse(format!("it has {size} bytes, more than {MOST_BYTES}")));
    }
    let mut text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    if !text.contains(BEGIN.trim_end()) {
        return Err(refuse("it holds no PEM certificate".to_owned()));
    }
    text.push('\n');
    Ok(text)
}

fn pem(certificate: &[u8]) -> String {
    let encoded = BASE64.encode(certificate);
    let mut pem = String::with_capacity(encoded.len() + encoded.len() / LINE + BEGIN.len() + END.len() + 1);
    pem.push_str(BEGIN);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(END);
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compiled_root_is_there_and_reads_back() {
        let all = trusted(None).unwrap();
        let bodies = all.split(BEGIN).skip(1).map(|rest| {
            let body: String = rest.split(END).next().unwrap().split_whitespace().collect();
            BASE64.decode(body.as_bytes()).unwrap()
        });
        let bodies: Vec<Vec<u8>> = bodies.collect();
        assert!(bodies.len() > 100, "{}", bodies.len());
        assert!(bodies.iter().zip(TLS_SERVER_ROOT_CERTS).all(|(read, root)| read.as_slice() == &root[..]));
        assert!(all.lines().all(|line| line.len() <= LINE));
    }

    #[test]
    fn a_ca_file_comes_first_and_must_hold_a_certificate() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        std::fs::write(&path, pem(b"mine")).unwrap();
        assert!(trusted(Some(&path)).unwrap().starts_with(&pem(b"mine")));
        std::fs::write(&path, "nothing").unwrap();
        assert_eq!(trusted(Some(&path)).unwrap_err().why, "it holds no PEM certificate");
        let missing = directory.path().join("none.pem");
        assert!(trusted(Some(&missing)).unwrap_err().to_string().contains("none.pem"));
    }
}
