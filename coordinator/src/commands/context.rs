//! Where configuration is read: the only place that looks at the environment and at the configuration file.

use std::path::{Path, PathBuf};

use crate::args::Global;
use crate::config::{EnvironmentVariable, FlagValue, Layers, Resolved, resolve};
use crate::failure::Failure;
use crate::markets;

/// The configuration file is shorter than this; a larger one is not what was meant.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Resolves the configuration of a command: file, environment, the global flags, and the command's own.
pub fn configure(global: &Global, own: Vec<FlagValue>) -> Result<Resolved, Failure> {
    resolved(&Layers { file: file(global)?, environment: environment(), flags: flags(global, own) })
}

/// The same without the environment and without a file that was not named: for what must come out the same anywhere.
pub fn configure_apart(global: &Global, own: Vec<FlagValue>) -> Result<Resolved, Failure> {
    let file = match named(global) {
        Some(path) => Some((path.clone(), read(path)?)),
        None => None,
    };
    resolved(&Layers { file, environment: Vec::new(), flags: flags(global, own) })
}

/// `~/.config/optionfleet/optionfleet.toml`.
pub fn default_path() -> Result<PathBuf, Failure> {
    Ok(markets::home()?.join(".config/optionfleet/optionfleet.toml"))
}

fn resolved(layers: &Layers) -> Result<Resolved, Failure> {
    resolve(layers).map_err(|mistakes| {
        Failure::usage(mistakes.to_string()).hint("`optionfleet init-config` writes a file with every option")
    })
}

fn flags(global: &Global, own: Vec<FlagValue>) -> Vec<FlagValue> {
    let store =
        global.store.as_ref().map(|url| FlagValue { key: "store.url", flag: "--store", value: url.clone().into() });
    store.into_iter().chain(own).collect()
}

/// The file that was named; an empty name is none.
fn named(global: &Global) -> Option<&PathBuf> {
    global.config.as_ref().filter(|path| !path.as_os_str().is_empty())
}

fn file(global: &Global) -> Result<Option<(PathBuf, String)>, Failure> {
    if let Some(path) = named(global) {
        return Ok(Some((path.clone(), read(path)?)));
    }
    // Without a home there is no default file; that is no mistake.
    let Ok(path) = default_path() else { return Ok(None) };
    if path.is_file() { read(&path).map(|text| Some((path, text))) } else { Ok(None) }
}

fn read(path: &Path) -> Result<String, Failure> {
    let cannot = |why: String| {
        Failure::usage(format!("cannot read the configuration file {}: {why}", path.display()))
            .hint("`optionfleet init-config` writes one with every option")
    };
    let size = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?.len();
    if size > MAX_CONFIG_BYTES {
        return Err(cannot(format!("it has {size} bytes")));
    }
    let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| cannot("it is not a UTF-8 text".to_owned()))
}

/// Variables of ours that say something, in the order of their names: an empty one is as good as none. `OPTIONFLEET_TEST_…` belongs to tests.
fn environment() -> Vec<EnvironmentVariable> {
    let mut all: Vec<EnvironmentVariable> = std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let ours = name.starts_with("OPTIONFLEET_") && !name.starts_with("OPTIONFLEET_TEST_");
            (ours && !value.is_empty())
                .then(|| EnvironmentVariable { name, value: value.to_string_lossy().into_owned() })
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}
