//! What may be typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use super::times::duration;

/// More slots than this in one process wait for each other; start another worker instead.
const MAX_SLOTS: i64 = 256;

/// Works on the tasks of scans: takes them from the queue, scans one ticker each, commits to the store.
///
/// Start as many as you like, on any machine, before or after the scan; stop them whenever you like. A worker needs
/// nothing but the queue, the store and the secrets to get in: everything that changes a scan's answer is in the scan's
/// manifest.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "optionfleet-worker",
    version,
    max_term_width = 100,
    after_help = "Secrets come from the environment only, each also from a file named by the variable with _FILE at its end:
  OPTIONFLEET_NATS_USER, OPTIONFLEET_NATS_PASSWORD, OPTIONFLEET_NATS_TOKEN, OPTIONFLEET_NATS_NKEY,
  OPTIONFLEET_NATS_CREDS (a path), OPTIONFLEET_REDIS_USER, OPTIONFLEET_REDIS_PASSWORD,
  ROBINHOOD_TOKEN (for scans that name robinhood)

SIGTERM or Ctrl-C drains: no more tasks are taken, what is held is finished, the rest is handed back.
Exit codes: 0 drained or idle, 1 broken environment, 2 usage, 130 a second Ctrl-C.

Example:
  optionfleet-worker --queue nats://queue.internal:4222 --store redis://store.internal:6379 \\
                     --slots 16 --exit-when-idle 5m --metrics 127.0.0.1:9600"
)]
pub struct Cli {
    /// Where tasks wait: nats://HOST:PORT, several with commas, or tls://… (also from OPTIONFLEET_QUEUE)
    #[arg(long, value_name = "URL")]
    pub queue: Option<String>,
    /// Where answers go: redis://HOST:PORT/DB or rediss://… (also from OPTIONFLEET_STORE)
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Tickers worked on at once. A slot mostly waits for vendors, so there may be several a core; each holds one chain
    /// in memory, a few MB (a chain of 10,000 contracts: about 20 MB)
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=MAX_SLOTS))]
    pub slots: u32,
    /// Its name in outcomes and on the roster, one a process [default: HOST:PID]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub name: Option<String>,
    /// End by itself after so long without a task, e.g. 5m [default: stay]
    #[arg(long, value_name = "TIME", value_parser = idle)]
    pub exit_when_idle: Option<Duration>,
    /// What is held when it is asked to end may take so long, then it is handed back
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = drain)]
    pub drain: Duration,
    /// Serve /livez, /readyz and /metrics here, e.g. 127.0.0.1:9600; there is no authentication
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<SocketAddr>,
    /// What to log on stderr, e.g. `info` (one event a ticker) or `fleet_worker=debug`
    #[arg(long, value_name = "FILTER", env = "OPTIONFLEET_LOG", default_value = "warn")]
    pub log: String,
    /// Form of the log and of what is said on stderr
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub log_format: Format,
    /// Certificates (PEM) of the authorities of the queue's and the store's servers, trusted for those two instead of
    /// the public ones (also from OPTIONFLEET_CA_FILE)
    #[arg(long, value_name = "PATH")]
    pub ca_file: Option<PathBuf>,
    /// Certificates (PEM) of authorities to trust for vendors beside the public ones, for a proxy that inspects traffic
    /// (also from OPTIONFLEET_TLS__CA_FILE, as a scan's)
    #[arg(long, value_name = "PATH")]
    pub vendor_ca_file: Option<PathBuf>,
    /// Ask this EC2 instance's metadata every 5 s whether it is about to go away, and drain when it is
    #[arg(long)]
    pub spot_notices: bool,
    /// Where that metadata is
    #[arg(long, value_name = "URL", default_value = "http://169.254.169.254", requires = "spot_notices")]
    pub imds: String,
    /// Once drained after such a notice, complete this lifecycle hook's action
    #[arg(long, value_name = "NAME", requires = "spot_notices")]
    pub lifecycle_hook: Option<String>,
    /// The hook's Auto Scaling group [default: the instance's tags name it]
    #[arg(long, value_name = "NAME", requires = "lifecycle_hook")]
    pub asg: Option<String>,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// An idle time of more than a day is a worker that stays.
fn idle(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time > Duration::from_secs(86_400) { Err("at most 24h".to_owned()) } else { Ok(time) }
}

/// A drain that is longer than this is no drain: a delivery is over after two minutes.
fn drain(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time > Duration::from_secs(600) { Err("a drain takes at most 10m".to_owned()) } else { Ok(time) }
}

fn name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 80 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("a name is 1 to 80 letters, digits and signs, no spaces".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[track_caller]
    fn check_refused(line: &str, part: &str) {
        let text = parse(line).expect_err("it was accepted").to_string();
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }

    #[test]
    fn the_definition_is_sound_and_its_example_works() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        let help = Cli::command().render_long_help().to_string();
        let example = help.split("Example:").nth(1).unwrap().replace('\\', " ");
        let cli = Cli::try_parse_from(example.split_whitespace()).unwrap();
        assert_eq!((cli.slots, cli.exit_when_idle), (16, Some(Duration::from_secs(300))));
    }

    #[test]
    fn without_a_word_it_has_eight_slots_and_ninety_seconds() {
        let cli = parse("optionfleet-worker").unwrap();
        assert_eq!((cli.slots, cli.drain, cli.exit_when_idle), (8, Duration::from_secs(90), None));
        assert_eq!((cli.metrics, cli.spot_notices, cli.log_format), (None, false, Format::Text));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        check_refused("optionfleet-worker --slots 0", "1..=256");
        check_refused("optionfleet-worker --slots 257", "1..=256");
        check_refused("optionfleet-worker --drain 11m", "at most 10m");
        check_refused("optionfleet-worker --exit-when-idle soon", "a time such as");
        check_refused("optionfleet-worker --exit-when-idle 25h", "at most 24h");
        check_refused("optionfleet-worker --name=", "a name is");
        check_refused("optionfleet-worker --imds http://127.0.0.1:1", "--spot-notices");
        check_refused("optionfleet-worker --lifecycle-hook h", "--spot-notices");
        check_refused("optionfleet-worker --spot-notices --asg g", "--lifecycle-hook");
        check_refused("optionfleet-worker --tickers AAPL", "unexpected argument");
    }
}
