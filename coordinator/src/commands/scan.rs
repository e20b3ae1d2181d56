//! `scan`: what the flags mean, whether now is the hour, then the part it shares with `demo` (`run_scan`).

use std::collections::BTreeMap;

use fleet_core::seams::{Clock as _, SystemClock};
use fleet_telemetry::say;

use super::run_scan::Purpose;
use super::{context, run_scan, scan_target};
use crate::args::{Format, Global, ScanArgs};
use crate::at_start::AtStart;
use crate::config::{Origin, Settings, redacted};
use crate::failure::{Exit, Failure};
use crate::hours::{self, Hour};
use crate::markets::Place;
use crate::progress::Telling;
use crate::report::plan as dry;
use crate::{interrupt, markets, output, scan};

/// Scans once.
pub async fn run(global: &Global, args: &ScanArgs) -> Result<Exit, Failure> {
    scan_target::check_market(args)?;
    let mut resolved = context::configure(global, scan_target::flags(args))?;
    if let Some(url) = &args.market {
        scan_target::unlimited_at_home(&mut resolved, url);
        scan_target::simulated_at_home(&mut resolved, url);
    }
    let mut settings = resolved.settings;
    markets::check_pair(&settings)?;
    refuse_to_mix(args, &resolved.origins, &settings)?;
    // What was typed wrong is told first: before the hour, and before a store is made for it.
    scan_target::check_flags(args, &settings)?;
    let market = match &args.market {
        Some(url) => Some(scan_target::ask_market(url).await?),
        None => None,
    };
    if let (Some(url), Some(info)) = (&args.market, &market)
        && !resolved.origins.contains_key("store.url")
        && markets::place(&settings)? == Place::OneMachine
    {
        // Trades of a simulated market have no business among real ones.
        settings.store.url = scan_target::market_store(&settings.store.url, url, info.seed);
        if !global.quiet {
            say!(
                "store: {}   (this market's own; name it with --store to trades, scans, explain)",
                redacted(&settings.store.url)
            );
        }
    }
    // A dry run of named tickers sends nothing, so no hour is wrong for it.
    let sends = !args.dry_run || args.tickers.is_none();
    if args.market.is_none() && args.as_of.is_none() && sends && mind_the_hour(global, args)? == Going::Home {
        return Ok(Exit::Done);
    }
    let telling = Telling::of(global);
    // A plan leaves nothing behind, not even an empty store. Declared first: what is open in it is closed before.
    let _passing = if args.dry_run { markets::passing_store(&mut settings)? } else { None };
    let engines = markets::open(&settings, telling).await?;
    warn_of_losses(args, &engines.warnings)?;
    let store = AtStart::of(engines.store.as_ref(), markets::patience(&settings)?, telling);
    let target = scan_target::decide(args, &settings, &store, market.as_ref()).await?;
    if !args.dry_run {
        scan_target::refuse_a_later_market(&target.scan, &store, market.as_ref()).await?;
    }
    let purpose = if args.dry_run { Purpose::DryRun } else { Purpose::Scan };
    let mut prepared = run_scan::prepare(&settings, engines, target, purpose, args.deadline)?;
    prepared.metrics = args.metrics;
    if args.dry_run {
        return dry_run(global, &prepared).await;
    }
    let resume = resume_command(std::env::args(), prepared.request.scan.as_str());
    let words = match prepared.request.worker {
        Some(_) => "handing tasks back, at most 10 s",
        None => "taking the scan's tasks out of the queue, at most 10 s",
    };
    // Simulated ones end with this process.
    let outlives = settings.gateways.enabled && settings.gateways.provider != "simulated";
    let left = outlives.then_some(interrupt::GATEWAYS_LEFT);
    let interrupted = interrupt::listen(words, left)?;
    run_scan::run(global, prepared, interrupted, &resume).await
}

/// Trades of a simulated market have no business among real ones: a fleet's store must be named for it.
fn refuse_to_mix(args: &ScanArgs, origins: &BTreeMap<String, Origin>, settings: &Settings) -> Result<(), Failure> {
    let is_named = matches!(origins.get("store.url"), Some(Origin::Flag(_)));
    if args.market.is_none() || is_named || markets::place(settings)? == Place::OneMachine {
        return Ok(());
    }
    let store = redacted(&settings.store.url);
    Err(Failure::usage(format!("a simulated market's trades would enter {store} beside real ones"))
        .hint("name a store for it with --store, such as another database: redis://HOST/1"))
}

/// Settings of the store's server that may lose data: a word each, or with --strict the end.
fn warn_of_losses(args: &ScanArgs, warnings: &[String]) -> Result<(), Failure> {
    if args.strict && !warnings.is_empty() {
        return Err(Failure::broken(warnings.join("; ")).hint("without --strict this is a warning"));
    }
    for warning in warnings {
        say!("warning: {warning}");
    }
    Ok(())
}

/// What the hour means for a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    /// The market is closed, which a timer takes for an answer.
    Home,
}

fn mind_the_hour(global: &Global, args: &ScanArgs) -> Result<Going, Failure> {
    match hours::judge(SystemClock.now()) {
        Hour::Good => Ok(Going::On),
        Hour::Warned(text) => {
            if !global.quiet {
                say!("warning: {text}");
            }
            Ok(Going::On)
        }
        Hour::Closed(text) if args.force => {
            if !global.quiet {
                say!("warning: {text}; scanning all the same (--force)");
            }
            Ok(Going::On)
        }
        Hour::Closed(text) if args.if_open => {
            if !global.quiet {
                say!("{text}; nothing is scanned (--if-open)");
            }
            Ok(Going::Home)
        }
        Hour::Closed(text) => {
            Err(Failure::usage(text).hint("--force scans all the same; `optionfleet demo` needs no market hours"))
        }
    }
}

async fn dry_run(global: &Global, prepared: &run_scan::PreparedScan) -> Result<Exit, Failure> {
    let plan = scan::plan::plan(&prepared.parts, &prepared.request).await?;
    let plan = match &prepared.through {
        Some(vendors) => plan.with_vendors(vendors.clone()),
        None => plan,
    };
    let plan = dry::dry_run(&plan);
    let text = match global.format {
        Format::Table => dry::render(&plan),
        Format::Json => output::json(&plan)?,
        Format::Csv => return Err(Failure::usage("a plan is no list; use --format table or json")),
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

/// The command that goes on with a scan: this one, with `--resume ID` in place of `--slot` and `--resume`.
fn resume_command(args: impl Iterator<Item = String>, scan: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut skip_value = false;
    for word in args {
        let is_flag = word.starts_with("--");
        if skip_value && !is_flag {
            skip_value = false;
            continue;
        }
        skip_value = word == "--slot" || word == "--resume";
        if !skip_value && !word.starts_with("--slot=") && !word.starts_with("--resume=") {
            words.push(quoted(&word));
        }
    }
    words.push(format!("--resume {scan}"));
    words.join(" ")
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &[&str], expected: &str) {
        assert_eq!(resume_command(line.iter().map(|word| (*word).to_owned()), "x-1"), expected);
    }

    #[test]
    fn the_resume_command_can_be_pasted() {
        check(&["optionfleet", "scan", "--slot", "1000", "--top", "3"], "optionfleet scan --top 3 --resume x-1");
        check(&["optionfleet", "scan", "--resume", "--quiet"], "optionfleet scan --quiet --resume x-1");
        check(
            &["optionfleet", "scan", "--resume=old", "--tickers", "A,B"],
            "optionfleet scan --tickers A,B --resume x-1",
        );
        check(&["of", "scan", "--filter", "a|b"], "of scan --filter 'a|b' --resume x-1");
    }
}
