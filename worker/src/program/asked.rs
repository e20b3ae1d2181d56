//! What was asked of this worker, made of flags and environment and checked: the only place that looks at either.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use fleet_engines::connect::{BadAddress, QueueAddress, Secrets, StoreAddress, check_pair};
use fleet_engines::nats::NatsAuth;
use fleet_scraper::RobinhoodToken;
use fleet_telemetry::LogFormat;

use super::args::{Cli, Format};
use super::failure::Failure;
use super::lifecycle::LifecycleSettings;
use super::notices::NoticeSettings;

/// What was asked. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where tasks wait: on servers.
    pub queue: QueueAddress,
    /// Where answers go: to a server.
    pub store: StoreAddress,
    /// How to get in, and whom to trust there.
    pub secrets: Secrets,
    /// Whom to trust among vendors, beside the public authorities.
    pub vendor_ca_file: Option<PathBuf>,
    /// For plans that name Robinhood.
    pub robinhood: Option<RobinhoodToken>,
    /// The worker's name.
    pub name: String,
    /// Its slots, at least one.
    pub slots: usize,
    /// It ends after so long without a task.
    pub exit_when_idle: Option<Duration>,
    /// What is held at the end may take so long.
    pub drain: Duration,
    /// Where health and metrics are served.
    pub metrics: Option<SocketAddr>,
    /// Form of everything on stderr.
    pub log_format: LogFormat,
    /// Whom to ask whether the machine goes away.
    pub notices: Option<NoticeSettings>,
    /// What is completed then, once it has drained.
    pub lifecycle: Option<LifecycleSettings>,
}

impl Asked {
    /// Reads flags, then the environment where they say nothing.
    pub fn of(cli: &Cli, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let queue = one_of(cli.queue.as_deref(), &variable, "--queue", "OPTIONFLEET_QUEUE", "nats://HOST:4222")?;
        let store = one_of(cli.store.as_deref(), &variable, "--store", "OPTIONFLEET_STORE", "redis://HOST:6379")?;
        let queue = QueueAddress::parse(&queue).map_err(bad_address)?;
        let store = StoreAddress::parse(&store).map_err(bad_address)?;
        check_for_a_fleet(&queue, &store)?;
        let mut secrets = Secrets::from_env(&variable).map_err(|error| Failure::usage(error.to_string()))?;
        if let Some(path) = &cli.ca_file {
            secrets.ca_file = Some(path.clone());
        }
        if let QueueAddress::Nats(address) = &queue {
            // Here rather than when connecting, where it would look like a server's refusal.
            NatsAuth::choose(address, &secrets).map_err(|error| Failure::usage(error.to_string()))?;
        }
        let notices =
            if cli.spot_notices { Some(NoticeSettings::at(&cli.imds).map_err(Failure::usage)?) } else { None };
        let lifecycle =
            cli.lifecycle_hook.as_ref().map(|hook| LifecycleSettings::of(hook, cli.asg.as_deref(), &variable));
        Ok(Self {
            queue,
            store,
            secrets,
            vendor_ca_file: vendor_ca_file(cli, &variable),
            robinhood: RobinhoodToken::from_env(&variable).map_err(|error| Failure::usage(error.to_string()))?,
            name: cli.name.clone().unwrap_or_else(default_name),
            slots: cli.slots as usize,
            exit_when_idle: cli.exit_when_idle,
            drain: cli.drain,
            metrics: cli.metrics,
            log_format: log_format(cli),
            notices,
            lifecycle,
        })
    }

    /// The line that says that it is up.
    #[must_use]
    pub fn up(&self) -> String {
        let Self { name, slots, queue, store, .. } = self;
        let idle = self.exit_when_idle.map(|time| format!(", ends after {} s without a task", time.as_secs()));
        format!("{name} is up: {slots} slots, queue {queue}, store {store}{}", idle.unwrap_or_default())
    }
}

/// The form everything on stderr takes.
#[must_use]
pub fn log_format(cli: &Cli) -> LogFormat {
    match cli.log_format {
        Format::Text => LogFormat::Text,
        Format::Json => LogFormat::Json,
    }
}

/// Another file than that of the queue's and the store's authorities: who vouches for a server of ours vouches for no
/// vendor.
fn vendor_ca_file(cli: &Cli, variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let named = || variable("OPTIONFLEET_TLS__CA_FILE").filter(|path| !path.trim().is_empty()).map(PathBuf::from);
    cli.vendor_ca_file.clone().or_else(named)
}

/// A flag, or else a variable; an empty one is as good as none.
fn one_of(
    flag: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
    name: &str,
    variable_name: &str,
    example: &str,
) -> Result<String, Failure> {
    let given = flag.map(str::to_owned).or_else(|| variable(variable_name)).filter(|text| !text.trim().is_empty());
    given.ok_or_else(|| {
        Failure::usage(format!("a worker needs {name}"))
            .hint(format!("write {name} {example}, the same as the scan's, or set {variable_name}"))
    })
}

/// Memory and a file of this machine are shared with nobody: a worker there would wait for ever.
fn check_for_a_fleet(queue: &QueueAddress, store: &StoreAddress) -> Result<(), Failure> {
    const HINT: &str = "on one machine `optionfleet scan` works by itself; for a fleet name nats://… and redis://…";
    if let QueueAddress::InProcess = queue {
        let why = "an in-process queue is the memory of one process: no scan could reach this worker through it";
        return Err(Failure::usage(why).hint(HINT));
    }
    check_pair(queue, store).map_err(|error| Failure::usage(error.to_string()).hint(HINT))
}

fn bad_address(error: BadAddress) -> Failure {
    Failure::usage(error.to_string())
}

/// `host:pid`.
fn default_name() -> String {
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.chars().filter(char::is_ascii_graphic).take(64).collect::<String>())
        .find(|host| !host.is_empty());
    format!("{}:{}", host.as_deref().unwrap_or("worker"), std::process::id())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::failure::Exit;
    use super::*;

    fn asked(line: &str, variables: &[(&str, &str)]) -> Result<Asked, Failure> {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        Asked::of(&cli, |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    const BOTH: &str = "w --queue nats://q --store redis://s";

    #[track_caller]
    fn check_refused(line: &str, variables: &[(&str, &str)], part: &str) {
        let failure = asked(line, variables).expect_err("it was accepted");
        assert!(failure.text().contains(part), "{part:?} is not in {}", failure.text());
        assert!(!failure.text().contains("S3CRET"), "{}", failure.text());
        assert_eq!(failure.exit, Exit::Usage);
    }

    #[test]
    fn flags_win_over_the_environment() {
        let environment = [("OPTIONFLEET_QUEUE", "nats://env"), ("OPTIONFLEET_STORE", "redis://env")];
        assert_eq!(asked("w", &environment).unwrap().queue.to_string(), "nats://env:4222");
        let asked = asked("w --queue nats://flag --ca-file /ca.pem", &environment).unwrap();
        assert_eq!(
            (asked.queue.to_string(), asked.store.to_string()),
            ("nats://flag:4222".into(), "redis://env:6379/0".into())
        );
        assert_eq!(asked.secrets.ca_file.as_deref(), Some(std::path::Path::new("/ca.pem")));
        assert!(asked.name.ends_with(&format!(":{}", std::process::id())), "{}", asked.name);
    }

    #[test]
    fn authorities_of_the_fleets_servers_are_no_vendors() {
        let files = |line: &str, variables: &[(&str, &str)]| {
            let asked = asked(line, variables).unwrap();
            let text = |path: Option<PathBuf>| path.map(|path| path.display().to_string());
            (text(asked.secrets.ca_file), text(asked.vendor_ca_file))
        };
        let some = |text: &str| Some(text.to_owned());
        let both = [("OPTIONFLEET_CA_FILE", "/fleet.pem"), ("OPTIONFLEET_TLS__CA_FILE", "/proxy.pem")];
        assert_eq!(files(BOTH, &both), (some("/fleet.pem"), some("/proxy.pem")));
        assert_eq!(files(BOTH, &both[..1]), (some("/fleet.pem"), None));
        assert_eq!(files(BOTH, &[("OPTIONFLEET_TLS__CA_FILE", " ")]), (None, None));
        assert_eq!(files(&format!("{BOTH} --ca-file /f --vendor-ca-file /v"), &both), (some("/f"), some("/v")));
    }

    #[test]
    fn what_it_says_and_shows_has_no_password() {
        let asked = asked(
            "w --queue nats://me:S3CRET@q --store redis://:S3CRET@s --name w1 --exit-when-idle 5m",
            &[("OPTIONFLEET_CA_FILE", "/ca.pem")],
        )
        .unwrap();
        let up = "w1 is up: 8 slots, queue nats://me:***@q:4222, store redis://:***@s:6379/0, ends after 300 s without a task";
        assert_eq!(asked.up(), up);
        assert!(!format!("{asked:?}").contains("S3CRET"), "{asked:?}");
    }

    #[test]
    fn what_no_worker_can_use_is_refused_with_a_sentence() {
        check_refused("w --store redis://s", &[("OPTIONFLEET_QUEUE", " ")], "a worker needs --queue");
        check_refused("w --queue nats://q", &[], "set OPTIONFLEET_STORE");
        check_refused(
            "w --queue in-process --store redis://s",
            &[],
            "an in-process queue is the memory of one process",
        );
        check_refused("w --queue nats://q --store sqlite:x.db", &[], "do not go together");
        check_refused("w --queue http://u:S3CRET@q --store redis://s", &[], "is no queue");
        check_refused(BOTH, &[("OPTIONFLEET_NATS_PASSWORD", "S3CRET")], "OPTIONFLEET_NATS_USER");
        check_refused(BOTH, &[("OPTIONFLEET_REDIS_PASSWORD_FILE", "/nonexistent/x")], "/nonexistent/x");
        check_refused(&format!("{BOTH} --spot-notices --imds https://h"), &[], "http://");
    }
}
