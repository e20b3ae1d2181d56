//! Runs one scan to its end and says what it found: what `scan` and `demo` share.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet_telemetry::say;
use jiff::Timestamp;

use fleet_core::domain::{Manifest, Notice, NoticeKind, ScanState, Ticker, TradeId, VendorPlan};
use fleet_core::seams::{Holder, Notifier, TradeFilter};
use fleet_engines::connect::Engines;
use fleet_worker::WorkerOptions;
use tokio::sync::{mpsc, watch};

use super::housekeeping;
use super::scan_target::{Earlier, ScanTarget};
use crate::args::{Format, Global};
use crate::config::{AutoMinutes, Settings, manifest_template, through_gateways};
use crate::failure::{Exit, Failure};
use crate::gateways::around::{self, Ended, Standing, Up, Wanted};
use crate::gateways::wiring;
use crate::markets::Place;
use crate::notify::{FileNotifier, RecordingNotifier, Sink};
use crate::progress::{self, Telling};
use crate::report::{self, Gathered, ReportInput};
use crate::scan::{self, Opening, PortfolioCaps, ScanEnd, ScanError, ScanParts, ScanRequest};
use crate::watched::Watched;
use crate::{markets, output, told_facts};

/// A scan that is ready to run.
pub struct PreparedScan {
    /// Its outside things.
    pub parts: ScanParts,
    /// What is asked.
    pub request: ScanRequest,
    asked: Option<Vec<Ticker>>,
    notifier: Arc<RecordingNotifier>,
    top: Option<usize>,
    worker_command: String,
    earlier: Earlier,
    keep_scans_days: u32,
    /// Health and numbers are served here.
    pub metrics: Option<SocketAddr>,
    /// Gateways are brought up for it, by this configuration; `None`: vendors are asked from here.
    gateways: Option<Box<Settings>>,
    /// How vendors would be asked by a scan that is only planned: through gateways that nobody makes for a plan, so that what
    /// the plan itself asks for (the universe) is asked from here. `None`: as the request says.
    pub through: Option<VendorPlan>,
}

/// What a prepared scan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is run.
    Scan,
    /// It is only said what it would do: nothing is made or opened for it.
    DryRun,
}

/// Wires a scan up. `deadline` overrides the configured one to the second.
pub fn prepare(
    settings: &Settings,
    engines: Engines,
    target: ScanTarget,
    purpose: Purpose,
    deadline: Option<Duration>,
) -> Result<PreparedScan, Failure> {
    // On one machine people read their notices in the report: what is handed over is kept for it.
    let notifier = Arc::new(RecordingNotifier::default());
    let parts = markets::parts(settings, engines, sink(settings, purpose, &notifier)?)?;
    let configured = match settings.scan.deadline_minutes {
        AutoMinutes::Auto => None,
        AutoMinutes::Minutes(minutes) => Some(Duration::from_secs(u64::from(minutes) * 60)),
    };
    let holder = holder();
    let now = Timestamp::now();
    let mut template = manifest_template(settings, &target.scan, &target.universe.words, target.as_of, now);
    template.config_hash.clone_from(&target.config_hash);
    template.facts = told_facts::read(settings)?;
    let mut through = None;
    if settings.gateways.enabled {
        // What is expected; the scan itself goes by what came up.
        let (set, names) = (target.scan.to_string(), wiring::expected_names(settings)?);
        let expected = through_gateways(settings, template.vendors.clone(), set, names);
        match purpose {
            Purpose::Scan => template.vendors = expected,
            Purpose::DryRun => through = Some(expected),
        }
    }
    let request = ScanRequest {
        scan: target.scan,
        config_hash: target.config_hash,
        universe: target.universe.source,
        template,
        deadline: deadline.or(configured),
        caps: PortfolioCaps {
            open_per_underlying: settings.caps.open_per_underlying,
            new_per_day: settings.caps.new_per_day,
        },
        holder: holder.clone(),
        worker: match markets::place(settings)? {
            Place::OneMachine => {
                Some(WorkerOptions { name: holder.0, slots: usize::try_from(settings.scan.slots).unwrap_or(1) })
            }
            Place::Fleet => None,
        },
    };
    let top = usize::try_from(settings.scan.top).ok().filter(|top| *top > 0);
    let worker_command = markets::worker_command(settings);
    Ok(PreparedScan {
        parts,
        request,
        asked: target.asked,
        notifier,
        top,
        worker_command,
        earlier: target.earlier,
        keep_scans_days: settings.store.keep_scans_days,
        metrics: None,
        gateways: settings.gateways.enabled.then(|| Box::new(settings.clone())),
        through,
    })
}

/// Where notices go: the report's collection, by way of the configured file.
fn sink(settings: &Settings, purpose: Purpose, report: &Arc<RecordingNotifier>) -> Result<Arc<dyn Notifier>, Failure> {
    let report = Arc::clone(report) as Arc<dyn Notifier>;
    let sink = Sink::parse(&settings.notify.to).map_err(|bad| Failure::usage(format!("`notify.to` {bad}")))?;
    let (Sink::File(path), Purpose::Scan) = (sink, purpose) else { return Ok(report) };
    let path = markets::at_home(path)?;
    let file = FileNotifier::open(&path, report).map_err(|error| {
        Failure::usage(format!("the notices' file {} cannot be written: {error}", path.display()))
            .hint("see --notify and [notify] in the configuration")
    })?;
    Ok(Arc::new(file))
}

/// `host:pid`, for people who wonder who holds a lease.
pub(super) fn holder() -> Holder {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = host.trim();
    Holder(format!("{}:{}", if host.is_empty() { "localhost" } else { host }, std::process::id()))
}

/// Runs it, prints the report, and says how it ended. `resume_hint` is the command that goes on after an interruption.
/// Gateways are made once the scan is this launch's own, before its first task is out, and end after the report.
pub async fn run(
    global: &Global,
    mut prepared: PreparedScan,
    interrupt: watch::Receiver<bool>,
    resume_hint: &str,
) -> Result<Exit, Failure> {
    refuse_without_a_network(&prepared).await?;
    let began = Instant::now();
    if prepared.earlier == Earlier::Close {
        let PreparedScan { parts, request, notifier, .. } = &prepared;
        housekeeping::close_earlier(parts, request, notifier, interrupt.clone(), Telling::of(global)).await;
    }
    let Ran { ended, standing } = run_told(global, &mut prepared, interrupt).await?;
    let exit = match ended {
        Ok(ended) => reported(global, &prepared, ended, began, resume_hint).await,
        Err(error) => Err(error.into()),
    };
    match standing {
        Some(standing) => and_teardown(exit, standing.end().await),
        None => exit,
    }
}

/// How a launch ends whose gateways ended like this. Its own reason to be looked at goes first: its exit code says more
/// than what is left, which is told in words.
fn and_teardown(scan: Result<Exit, Failure>, gateways: Ended) -> Result<Exit, Failure> {
    match (scan, gateways) {
        (Ok(Exit::Done), Ended::Incomplete) => Ok(Exit::TeardownIncomplete),
        (scan, Ended::Incomplete | Ended::Kept | Ended::Gone) => scan,
    }
}

/// A launch that ran, and the gateways it leaves to be ended.
struct Ran {
    ended: Result<ScanEnd, ScanError>,
    standing: Option<Box<Standing>>,
}

/// Brings up the gateways a scan is to go through; `None`: it needs none (any more).
async fn bring_up(
    prepared: &PreparedScan,
    telling: Telling,
    interrupt: &mut watch::Receiver<bool>,
) -> Result<Option<Up>, Failure> {
    let ScanParts { store, patience, .. } = &prepared.parts;
    let scan = &prepared.request.scan;
    let frozen = patience.store(|| store.manifest(scan)).await?;
    let over = patience.store(|| store.scan_state(scan)).await? >= Some(ScanState::Sealed);
    let name = match (&frozen, &prepared.gateways) {
        _ if over => return Ok(None),
        (None, None) => return Ok(None),
        (None, Some(_)) => scan.to_string(),
        (Some(manifest), asked) => match (&manifest.vendors.gateways, asked) {
            (Some(plan), Some(_)) => plan.set.clone(),
            (Some(_), None) => {
                return Err(Failure::usage(format!("{scan} was begun through gateways and cannot go on without"))
                    .hint("repeat the command with --gateways"));
            }
            (None, Some(_)) => {
                say!("{scan} was begun without gateways, and goes on without");
                return Ok(None);
            }
            (None, None) => return Ok(None),
        },
    };
    let Some(settings) = prepared.gateways.as_deref() else { return Ok(None) };
    let spec = wiring::spec(settings, &prepared.request.template.vendors)?;
    let provider = wiring::scan_provider(settings).await?;
    let run = prepared.request.holder.clone();
    let wanted = Wanted { settings, spec, store: Arc::clone(store), provider, name, run };
    around::bring_up(wanted, telling, interrupt).await.map(Some)
}

/// Prints what a launch found.
async fn reported(
    global: &Global,
    prepared: &PreparedScan,
    ended: ScanEnd,
    began: Instant,
    resume_hint: &str,
) -> Result<Exit, Failure> {
    let finished_now = matches!(ended, ScanEnd::Finished(_));
    let (scan, exit) = match ended {
        ScanEnd::Finished(scan) | ScanEnd::AlreadyFinished(scan) => (scan, Exit::Done),
        ScanEnd::Interrupted(scan) => (scan, Exit::Interrupted),
    };
    let ScanParts { store, patience, .. } = &prepared.parts;
    let Some(manifest) = patience.store(|| store.manifest(&scan)).await? else {
        say!("interrupted before anything was scanned; go on with:\n  {resume_hint}");
        return Ok(exit);
    };
    let report = report::build(gather(prepared, manifest).await?);
    output::print(&rendered(global.format, &report)?)?;
    if exit == Exit::Interrupted {
        say!("interrupted; go on with:\n  {resume_hint}");
        return Ok(exit);
    }
    if !global.quiet {
        say!("{scan}: done in {:.1} s", began.elapsed().as_secs_f64());
    }
    if report.tickers.sealed > 0 {
        let which = match prepared.request.deadline {
            Some(deadline) => format!("the deadline of {}", report::plan::duration(deadline.as_secs_f64())),
            None => "the scan's deadline".to_owned(),
        };
        let more = if prepared.request.worker.is_some() { "" } else { " or more workers" };
        say!("{which} came first for {}; give a longer --deadline{more}", tickers_word(report.tickers.sealed));
    }
    if finished_now {
        housekeeping::prune(&prepared.parts, prepared.keep_scans_days, Telling::of(global)).await;
    }
    if let Some(word) = one_cause(&report) {
        say!("every ticker failed alike ({word}): the cause is between here and the vendors, not the tickers");
    }
    Ok(if report.has_failures() { Exit::Incomplete } else { Exit::Done })
}

/// Runs it; a person is told of its progress, and a machine at the address that was asked for.
async fn run_told(
    global: &Global,
    prepared: &mut PreparedScan,
    interrupt: watch::Receiver<bool>,
) -> Result<Ran, Failure> {
    let watched = Watched::at(prepared.metrics).await?;
    if let (Some(address), false) = (watched.address(), global.quiet) {
        say!("serves /livez, /readyz and /metrics at http://{address}");
    }
    let (sender, events) = mpsc::unbounded_channel();
    let (telling, worker_command) = (Telling::of(global), prepared.worker_command.clone());
    let teller = tokio::spawn(async move {
        progress::tell(events, telling, worker_command, |progress| watched.see(progress)).await;
        watched.stop().await;
    });
    let ran = launched(prepared, telling, sender, interrupt).await;
    // The scan dropped its sender: the teller ends. If it broke, only words are lost.
    let _ = teller.await;
    ran
}

/// One launch: the scan is taken, then its gateways are made, then it is gone on with. A launch that does not get the scan,
/// or finds it over, makes nothing.
async fn launched(
    prepared: &mut PreparedScan,
    telling: Telling,
    progress: mpsc::UnboundedSender<scan::Progress>,
    mut interrupt: watch::Receiver<bool>,
) -> Result<Ran, Failure> {
    let parts = prepared.parts.clone();
    let held = match scan::open(&parts, &prepared.request, &progress, &mut interrupt).await {
        Ok(Opening::Held(held)) => held,
        Ok(Opening::Over(end)) => return Ok(Ran { ended: Ok(end), standing: None }),
        Err(error) => return Ok(Ran { ended: Err(error), standing: None }),
    };
    let standing = match bring_up(prepared, telling, &mut interrupt).await {
        Ok(None) => None,
        Ok(Some(Up::Standing(standing))) => Some(standing),
        Ok(Some(Up::Interrupted)) => {
            held.give_back(&parts).await;
            return Ok(Ran { ended: Ok(ScanEnd::Interrupted(prepared.request.scan.clone())), standing: None });
        }
        Err(failure) => {
            held.give_back(&parts).await;
            return Err(failure);
        }
    };
    let vendors = &mut prepared.request.template.vendors;
    let standing = match standing {
        Some(mut standing) => {
            // Making them took its time: another launch may have the scan by now, and gateways of its own.
            if let Err(error) = held.confirm(&parts).await {
                return Ok(Ran { ended: Err(error), standing: Some(standing) });
            }
            if let Err(failure) = standing.publish().await {
                held.give_back(&parts).await;
                let _ = standing.end().await;
                return Err(failure);
            }
            if let Some(plan) = &mut vendors.gateways {
                (plan.set, plan.names) = (standing.name().to_owned(), standing.names());
            }
            Some(standing)
        }
        None => {
            // None are needed: its manifest, if there is one, says which of them it was begun with.
            vendors.gateways = None;
            None
        }
    };
    let ended = scan::go_on(held, parts, prepared.request.clone(), progress, interrupt).await;
    Ok(Ran { ended, standing })
}

/// Nothing is opened and nothing is asked where no vendor of chains can be reached. A finished scan only prints what is
/// stored.
async fn refuse_without_a_network(prepared: &PreparedScan) -> Result<(), Failure> {
    // A fleet's workers ask the vendors, from wherever they are; gateways do too.
    if prepared.request.worker.is_none() || prepared.gateways.is_some() {
        return Ok(());
    }
    let ScanParts { store, patience, .. } = &prepared.parts;
    if patience.store(|| store.scan_state(&prepared.request.scan)).await? >= Some(ScanState::Sealed) {
        return Ok(());
    }
    let away = fleet_scraper::reach::unreachable(&prepared.request.template.vendors).await;
    if away.is_empty() {
        return Ok(());
    }
    let named: Vec<String> =
        away.iter().map(|vendor| format!("{} at {} ({})", vendor.vendor, vendor.address, vendor.why)).collect();
    Err(Failure::broken(format!("no vendor of chains can be reached: {}", named.join("; ")))
        .hint("check the network and the base URLs in [vendors]; nothing was asked and nothing was stored"))
}

pub(super) fn tickers_word(n: u32) -> String {
    format!("{n} ticker{}", if n == 1 { "" } else { "s" })
}

/// The word all tickers failed with, if they did. A deadline is no vendor's doing.
fn one_cause(report: &report::Report) -> Option<&str> {
    let first = report.failed.first()?;
    let all = report.failed.len() == usize::try_from(report.tickers.total).ok()?;
    (all && report.tickers.sealed == 0 && report.failed.iter().all(|row| row.word == first.word))
        .then_some(first.word.as_str())
}

fn rendered(format: Format, report: &report::Report) -> Result<String, Failure> {
    Ok(match format {
        Format::Table => report::table::render(report),
        Format::Json => output::json(report)?,
        Format::Csv => report::csv::render(report),
    })
}

/// Everything a report needs of what the store holds of a scan.
async fn gather(prepared: &PreparedScan, manifest: Manifest) -> Result<ReportInput, Failure> {
    let (store, scan, patience) = (prepared.parts.store.as_ref(), &manifest.scan, prepared.parts.patience);
    let universe_requests = patience.store(|| store.scan_requests(scan)).await?;
    let state = patience.store(|| store.scan_state(scan)).await?;
    let mut gathered = Gathered::default();
    let tickers = u32::try_from(manifest.tickers.len()).unwrap_or(u32::MAX);
    scan::outcomes::for_each(store, patience, scan, tickers, |stored| gathered.add(stored)).await?;
    let own_trades = TradeFilter { scan: Some(scan.clone()), ..TradeFilter::default() };
    let mut trades = patience.store(|| store.trades(&own_trades)).await?;
    let (mut buys, mut moves): (BTreeSet<TradeId>, BTreeSet<String>) = Default::default();
    buys.extend(trades.iter().map(|trade| trade.id.clone()));
    for change in gathered.transitions() {
        moves.extend(change.notice.as_ref().map(Notice::key));
        if let Some((trade, _)) = patience.store(|| store.trade(&change.trade)).await? {
            trades.push(trade);
        }
    }
    // This scan's own notices, also where an earlier launch sent them, and those an earlier scan still owed.
    let own = |n: &Notice| if n.kind == NoticeKind::Buy { buys.contains(&n.trade) } else { moves.contains(&n.key()) };
    let mut notices: BTreeMap<String, Notice> = patience
        .store(|| store.notices())
        .await?
        .into_iter()
        .filter(|(notice, _)| own(notice))
        .map(|(notice, _)| (notice.key(), notice))
        .collect();
    notices.extend(prepared.notifier.sent().into_iter().map(|notice| (notice.key(), notice)));
    let (notices, top) = (notices.into_values().collect(), prepared.top);
    let (state, asked) = (state.unwrap_or(ScanState::Init), prepared.asked.clone());
    Ok(ReportInput { manifest, state, asked, gathered, trades, notices, universe_requests, top })
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::ScanId;
    use fleet_core::seams::{LeaseAnswer, endpoints_row};
    use fleet_telemetry::LogFormat;

    use super::*;
    use crate::config::Settings;

    /// cron launches a slot every five minutes, whether its scan still runs or not.
    #[tokio::test]
    async fn a_launch_that_does_not_get_the_scan_makes_no_gateways() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.store.url = format!("sqlite:{}", directory.path().join("x.db").display());
        settings.gateways.enabled = true;
        settings.gateways.provider = "simulated".to_owned();
        settings.gateways.test_url = String::new();
        // Where simulated gateways could lead; nobody listens there.
        let here = "http://127.0.0.1:9".to_owned();
        settings.vendors.finviz.base.clone_from(&here);
        settings.vendors.cboe.base.clone_from(&here);
        settings.vendors.yahoo.query.clone_from(&here);
        settings.vendors.yahoo.cookie = here;
        let engines = markets::open(&settings, Telling::Quiet).await.unwrap();
        let store = Arc::clone(&engines.store);
        // The launch before is at it, through gateways of its own.
        let scan = ScanId::parse("x-1").unwrap();
        let _ = store.open_scan(&scan, "a-b").await.unwrap();
        let taken = store.take_lease(&scan, &Holder("other:1".to_owned()), Duration::from_secs(600)).await.unwrap();
        assert!(matches!(taken, LeaseAnswer::Taken(_)), "{taken:?}");
        let row = endpoints_row(scan.as_str());
        assert!(store.swap_gateway_row(&row, None, Some(b"of the launch that runs")).await.unwrap());

        let target = ScanTarget {
            scan,
            universe: crate::universe::from_tickers("AAPL").unwrap(),
            asked: None,
            config_hash: "a-b".to_owned(),
            as_of: None,
            earlier: Earlier::Leave,
        };
        let prepared = prepare(&settings, engines, target, Purpose::Scan, None).unwrap();
        let (stop, interrupt) = watch::channel(false);
        let global = Global {
            config: None,
            store: None,
            quiet: true,
            log: String::new(),
            log_format: LogFormat::Text,
            format: Format::Table,
        };
        // Long enough to make some; the lease is waited for 15 s.
        let stopping = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            stop.send_replace(true);
        };
        let (exit, ()) = tokio::join!(run(&global, prepared, interrupt, "again"), stopping);
        assert_eq!(exit, Ok(Exit::Interrupted));
        let rows = store.gateway_rows("").await.unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, [row.as_str()], "no set was begun, and the row of the launch that runs stays");
        assert_eq!(rows[0].body, b"of the launch that runs");
    }

    #[test]
    fn what_is_left_of_gateways_shows_in_the_exit_code_of_a_scan_that_is_done() {
        let failed = Failure::broken("x");
        for (scan, gateways, exit) in [
            (Ok(Exit::Done), Ended::Incomplete, Ok(Exit::TeardownIncomplete)),
            (Ok(Exit::Done), Ended::Gone, Ok(Exit::Done)),
            (Ok(Exit::Done), Ended::Kept, Ok(Exit::Done)),
            (Ok(Exit::Incomplete), Ended::Incomplete, Ok(Exit::Incomplete)),
            (Ok(Exit::Interrupted), Ended::Incomplete, Ok(Exit::Interrupted)),
            (Err(failed.clone()), Ended::Incomplete, Err(failed)),
        ] {
            assert_eq!(and_teardown(scan, gateways), exit);
        }
        assert_eq!(Exit::TeardownIncomplete.code(), 4);
    }

    #[tokio::test]
    async fn a_notice_that_an_earlier_scan_left_unsent_is_in_the_report() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.store.url = format!("sqlite:{}", directory.path().join("x.db").display());
        let engines = markets::open(&settings, Telling::Quiet).await.unwrap();
        let store = Arc::clone(&engines.store);
        let at = Timestamp::UNIX_EPOCH;
        let tickers = vec![Ticker::parse("AAPL").unwrap()];
        let universe = crate::universe::from_tickers("AAPL").unwrap();
        let scan = ScanId::parse("x-1").unwrap();
        let _ = store.open_scan(&scan, "a-b").await.unwrap();
        let target = ScanTarget {
            scan,
            universe,
            asked: Some(tickers),
            config_hash: "a-b".to_owned(),
            as_of: Some(at),
            earlier: Earlier::Leave,
        };
        let prepared = prepare(&settings, engines, target, Purpose::Scan, None).unwrap();
        let owed = Notice {
            kind: NoticeKind::Exit,
            trade: TradeId::from_user("EARLIER"),
            at,
            text: "SELL of an earlier scan".to_owned(),
        };
        // What the scan's outbox step does with a notice it finds there.
        prepared.notifier.send(&owed.key(), &owed).await.unwrap();
        let manifest = prepared.request.template.clone();
        let report = report::build(gather(&prepared, manifest).await.unwrap());
        assert_eq!(report.notices, [owed]);
        assert!(report::table::render(&report).contains("> SELL of an earlier scan"));
    }
}
