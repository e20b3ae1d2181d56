//! What a person sees of gateways: lines on stderr while they come and go, and the table of what there is.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fleet_gateways::estimate::of_work;
use fleet_gateways::picture::{Fate, Leases, Orphan, Picture};
use fleet_gateways::plan::{DeleteStep, Experience, plan};
use fleet_gateways::progress::{Progress, Watcher};
use fleet_gateways::provider::ProviderError;
use fleet_gateways::raise::{Origin, Raised};
use fleet_gateways::reconcile::Report;
use fleet_gateways::region::Region;
use fleet_gateways::resource::Resource;
use fleet_telemetry::say;
use jiff::Timestamp;
use serde::Serialize;

use super::holder;
use crate::progress::Telling;
use crate::report::SCHEMA;
use crate::report::layout::{Align, Column, grid};
use crate::report::plan::duration;

/// Lines of deleted things are at least so far apart.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

fn seconds(time: Duration) -> String {
    duration(time.as_secs_f64())
}

fn counted(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

/// Tells of progress on stderr.
#[derive(Debug)]
pub struct Teller {
    telling: Telling,
    deleting: Mutex<Deleting>,
}

#[derive(Debug)]
struct Deleting {
    done: usize,
    of: usize,
    last_line: Instant,
}

impl Teller {
    /// As much as a person wants to hear.
    #[must_use]
    pub fn new(telling: Telling) -> Self {
        Self { telling, deleting: Mutex::new(Deleting { done: 0, of: 0, last_line: Instant::now() }) }
    }

    fn line(&self, text: &str) {
        if self.telling != Telling::Quiet {
            say!("{text}");
        }
    }
}

impl Watcher for Teller {
    fn saw(&self, progress: &Progress) {
        match progress {
            Progress::Raising { estimate, .. } => {
                let regions = counted(estimate.regions.len(), "Region", "Regions");
                self.line(&format!("bringing up gateways in {regions}, about {}", seconds(estimate.total())));
            }
            Progress::Reused(set) => self.line(&format!("the gateways that {set} kept warm are used again")),
            Progress::Failed { region, why } => self.line(&format!("no gateway in {region}: {why}")),
            Progress::TearingDown { things, estimate } => {
                let mut deleting = self.deleting.lock().unwrap_or_else(PoisonError::into_inner);
                (deleting.done, deleting.of, deleting.last_line) = (0, *things, Instant::now());
                let things = counted(*things, "thing", "things");
                self.line(&format!("deleting {things} of gateways, about {}", seconds(estimate.total())));
            }
            Progress::Done(DeleteStep::Thing(_)) => {
                let mut deleting = self.deleting.lock().unwrap_or_else(PoisonError::into_inner);
                deleting.done += 1;
                if deleting.last_line.elapsed() >= BETWEEN_LINES && deleting.done < deleting.of {
                    deleting.last_line = Instant::now();
                    self.line(&format!("{} of {} deleted", deleting.done, deleting.of));
                }
            }
            Progress::Settling { until } => {
                let left = until.duration_since(Timestamp::now()).as_secs().max(1);
                self.line(&format!("waiting {left} s for what AWS may show late"));
            }
            Progress::NotDone { step, why } => tracing::info!(step = ?step.about(), why, "not deleted yet"),
            Progress::Throttled { region, operation, retry_after } => {
                tracing::info!(%region, %operation, ?retry_after, "AWS asks to slow down");
            }
            Progress::Made(_)
            | Progress::Ready(_)
            | Progress::Done(DeleteStep::Stage(_) | DeleteStep::Detach { .. }) => {}
        }
    }
}

/// They are up.
pub fn up(raised: &Raised, took: Duration, telling: Telling) {
    if telling != Telling::Quiet && raised.origin == Origin::Raised {
        let gateways = counted(raised.endpoints.len(), "gateway is", "gateways are");
        say!("{gateways} up after {:.1} s", took.as_secs_f64());
    }
}

/// Some of them do not answer yet.
pub fn waiting(endpoints: usize, at_most: Duration, telling: Telling) {
    if telling != Telling::Quiet {
        let gateways = counted(endpoints, "gateway does", "gateways do");
        say!("{gateways} not answer yet; waiting at most {}", seconds(at_most));
    }
}

/// They stay for the next scan.
pub fn kept(time: Duration, telling: Telling) {
    if telling != Telling::Quiet {
        say!("gateways stay {} for the next scan; `optionfleet gateways down` deletes them", seconds(time));
    }
}

/// They are gone.
pub fn down(report: &Report, took: Duration, telling: Telling) {
    if telling != Telling::Quiet && report.is_complete() {
        match report.deleted.len() {
            // What is used, or kept for the next scan, stays: "gone" would be untrue.
            0 if report.spared == 0 => say!("there are no gateways to delete"),
            0 => {
                let things = counted(report.spared, "thing stays", "things stay");
                say!("there are no gateways to delete; {things}, used or kept (`optionfleet gateways list`)");
            }
            deleted => {
                let things = counted(deleted, "thing", "things");
                say!("gateways are gone: {things} deleted in {:.1} s", took.as_secs_f64());
            }
        }
    }
    left(report);
}

/// What deleting came to, for programs.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The version of this output.
    pub schema: u32,
    /// Whether nothing is left that nobody wants.
    pub complete: bool,
    /// What was deleted, or found to be gone.
    pub deleted: Vec<String>,
    /// What should be gone and is not, with the last failure.
    pub remaining: Vec<(String, Option<String>)>,
    /// Regions that could not be looked at, with the reason.
    pub blind: Vec<(String, String)>,
    /// Intents of which it is not known whether something exists.
    pub unsettled: Vec<String>,
    /// Things of ours that runs use, or that are kept.
    pub spared: usize,
}

/// See [`Outcome`].
#[must_use]
pub fn outcome(report: &Report) -> Outcome {
    let blind = report.blind.iter().map(|(region, why)| (region.to_string(), why.to_string()));
    let elsewhere = report.elsewhere.iter().map(|why| ("other Regions".to_owned(), why.to_string()));
    Outcome {
        schema: SCHEMA,
        complete: report.is_complete(),
        deleted: report.deleted.iter().map(ToString::to_string).collect(),
        remaining: report.remaining.iter().map(|(thing, why)| (thing.to_string(), why.clone())).collect(),
        blind: blind.chain(elsewhere).collect(),
        unsettled: report.unsettled.clone(),
        spared: report.spared,
    }
}

/// What is left, however little a person wants to hear: it stays until somebody deletes it.
pub fn left(report: &Report) {
    for (thing, why) in &report.remaining {
        say!("left: {thing}{}", why.as_ref().map(|why| format!(": {why}")).unwrap_or_default());
    }
    for line in blind(report.blind.iter().map(|(region, why)| (region.to_string(), why.to_string()))) {
        say!("{line}");
    }
    if let Some(why) = &report.elsewhere {
        say!("not looked at: Regions that neither the store nor the configuration names ({why})");
    }
    if let Some(text) = not_allowed(report.denied.iter().map(|(region, why)| (region, why))) {
        say!("{text}");
    }
    for intent in &report.unsettled {
        say!("not known: whether {intent} was made");
    }
    if !report.is_complete() {
        say!("`optionfleet cleanup --yes` goes on with what is left");
    }
}

/// Regions that were not looked at, a line a reason.
fn blind(regions: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    let mut by_reason: Vec<(String, Vec<String>)> = Vec::new();
    for (region, why) in regions {
        match by_reason.iter_mut().find(|(known, _)| *known == why) {
            Some((_, regions)) => regions.push(region),
            None => by_reason.push((why, vec![region])),
        }
    }
    by_reason.into_iter().map(|(why, regions)| format!("not looked at: {}: {why}", regions.join(" "))).collect()
}

/// Regions that are closed to these credentials, in a line; `None`: there are none.
fn not_allowed<'a>(denied: impl Iterator<Item = (&'a Region, &'a ProviderError)>) -> Option<String> {
    let denied: Vec<_> = denied.collect();
    let (_, why) = denied.first()?;
    let names: Vec<&str> = denied.iter().map(|(region, _)| region.as_str()).collect();
    Some(format!("closed to these credentials, and nothing of ours is known there: {} ({why})", names.join(" ")))
}

/// What there is of ours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listing {
    /// The version of this output.
    pub schema: u32,
    /// Every thing of ours, by Region.
    pub things: Vec<Thing>,
    /// Regions that could not be looked at, with the reason.
    pub blind: Vec<(String, String)>,
    /// Regions that are closed to these credentials, and in which nothing of ours is known, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<String>,
    /// How long deleting everything that nobody wants takes at AWS' pace, s.
    pub deleting_secs: f64,
    /// Whether what is leased or kept goes too.
    #[serde(skip)]
    leases: Leases,
}

/// One thing of ours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Thing {
    /// `REST API`, `usage plan` or `API key`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its Region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// Age, s; `None`: AWS does not say.
    pub age_secs: Option<i64>,
    /// Whether `cleanup --yes` deletes it.
    pub orphan: bool,
    /// Why it stays or goes.
    pub why: String,
}

/// What a picture shows.
#[must_use]
pub fn listing(picture: &Picture) -> Listing {
    let thing = |(resource, fate): (&Resource, Fate)| Thing {
        kind: resource.at.kind.word(),
        id: resource.at.id.to_string(),
        region: resource.at.region.to_string(),
        name: resource.name.clone(),
        age_secs: resource.created_at.map(|at| picture.now.duration_since(at).as_secs().max(0)),
        orphan: matches!(fate, Fate::Orphan(_)),
        why: why(&fate, picture),
    };
    let blind = picture.blind().map(|(region, cause)| (region.to_string(), cause.to_string()));
    let elsewhere = picture.elsewhere.iter().map(|cause| ("other Regions".to_owned(), cause.to_string()));
    Listing {
        schema: SCHEMA,
        things: picture.ours().map(thing).collect(),
        blind: blind.chain(elsewhere).collect(),
        denied: not_allowed(picture.denied()),
        deleting_secs: of_work(&plan(picture, &Experience::default())).total().as_secs_f64(),
        leases: picture.leases,
    }
}

fn why(fate: &Fate, picture: &Picture) -> String {
    let until = |at: Timestamp| duration(picture.now.duration_since(at).abs().as_secs_f64());
    match fate {
        Fate::Foreign => "not ours".to_owned(),
        Fate::Wanted(set) => match picture.sets.get(set).and_then(|stored| stored.holder.as_ref()) {
            Some(run) => format!("used by {} ({set})", holder::shown(run)),
            None => {
                let end = picture.sets.get(set).map(|stored| format!(" for {}", until(stored.expires_at)));
                format!("kept warm{} ({set})", end.unwrap_or_default())
            }
        },
        Fate::Leased { until: end } => format!("another run's, for {} unless renewed", until(*end)),
        Fate::Orphan(Orphan::Released(set)) => format!("{set} is done with it"),
        Fate::Orphan(Orphan::Expired { at }) => format!("its run is gone: lease over since {}", until(*at)),
        Fate::Orphan(Orphan::Surplus(set)) => format!("a second one of {set}"),
        Fate::Orphan(Orphan::NoLease) => "its tags name no lease".to_owned(),
        Fate::Orphan(Orphan::Forced) => "--all-ours".to_owned(),
    }
}

/// For people.
#[must_use]
pub fn table(listing: &Listing) -> String {
    let columns = [
        Column(Align::Left, "REGION", ""),
        Column(Align::Left, "WHAT", ""),
        Column(Align::Left, "ID", ""),
        Column(Align::Right, "AGE", ""),
        Column(Align::Left, "FATE", ""),
        Column(Align::Left, "WHY", ""),
    ];
    let row = |thing: &Thing| {
        let age = thing.age_secs.map_or_else(|| "-".to_owned(), |secs| duration(secs as f64));
        let goes = if thing.orphan { "goes" } else { "stays" };
        [&thing.region, thing.kind, &thing.id, &age, goes, &thing.why].map(str::to_owned).to_vec()
    };
    let mut text = match (listing.things.is_empty(), listing.blind.is_empty()) {
        (true, true) => "there are no gateways of ours\n".to_owned(),
        (true, false) => "no gateways of ours were seen, and not every Region could be looked at\n".to_owned(),
        (false, _) => grid(&columns, &listing.things.iter().map(row).collect::<Vec<_>>()),
    };
    for line in blind(listing.blind.iter().cloned()) {
        let _ = writeln!(text, "{line}");
    }
    if let Some(denied) = &listing.denied {
        let _ = writeln!(text, "{denied}");
    }
    let orphans = listing.things.iter().filter(|thing| thing.orphan).count();
    if orphans > 0 {
        let time = duration(listing.deleting_secs);
        let _ = match listing.leases {
            Leases::Honoured => {
                let things = counted(orphans, "thing is", "things are");
                writeln!(text, "{things} nobody's; `optionfleet cleanup --yes` deletes them in about {time}")
            }
            Leases::Overridden => {
                let things = counted(orphans, "thing is", "things are");
                writeln!(text, "{things} ours; `optionfleet cleanup --yes --all-ours` deletes them in about {time}")
            }
        };
    }
    text
}
