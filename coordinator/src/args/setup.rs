//! What is there and how it is set up: `inspect`, `strategies`, `init-config`.

use std::path::PathBuf;

use clap::Args;

/// `inspect`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:  optionfleet inspect saved-page.html chain.json")]
pub struct InspectArgs {
    /// Recorded bodies
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What they are; detected where it is not given
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
}

/// `strategies`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  optionfleet strategies
  optionfleet strategies cheap_iv     # one, with its settings and where they come from")]
pub struct StrategiesArgs {
    /// One of them only, with its settings: a name or a code
    pub name: Option<String>,
}

/// `init-config`
#[derive(Debug, Clone, Args)]
pub struct InitConfigArgs {
    /// Where to [default: ~/.config/optionfleet/optionfleet.toml]
    pub path: Option<PathBuf>,
    /// Overwrite a file that is there
    #[arg(long)]
    pub force: bool,
}
