//! `init-config`: writes the annotated configuration file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use fleet_telemetry::say;

use crate::args::{Global, InitConfigArgs};
use crate::commands::context;
use crate::config::reference;
use crate::failure::{Exit, Failure};

/// Writes it; a file that is there stays, unless forced.
pub fn run(global: &Global, args: &InitConfigArgs) -> Result<Exit, Failure> {
    let path = match (&args.path, &global.config) {
        (Some(path), _) | (None, Some(path)) => path.clone(),
        (None, None) => context::default_path()?,
    };
    let cannot = |error: std::io::Error| Failure::broken(format!("cannot write {}: {error}", path.display()));
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(cannot)?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options.open(&path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::usage(format!("{} is there already", path.display())).hint("--force overwrites it")
        }
        _ => cannot(error),
    })?;
    file.write_all(reference().as_bytes()).map_err(cannot)?;
    if !global.quiet {
        say!("wrote {}; every option is in it, commented out", path.display());
    }
    Ok(Exit::Done)
}
