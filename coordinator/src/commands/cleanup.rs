//! `cleanup`: what runs that died left of gateways, told or deleted.

use std::sync::Arc;
use std::time::Instant;

use fleet_core::seams::Store;
use fleet_gateways::ledger::Ledger;
use fleet_gateways::picture::Leases;
use fleet_gateways::reconcile::Report;
use fleet_gateways::region::Region;
use fleet_gateways::set::SetState;
use fleet_gateways::{Gateways, Scope};
use fleet_telemetry::say;

use crate::args::{CleanupArgs, Format, Global};
use crate::commands::context;
use crate::config::Settings;
use crate::failure::{Exit, Failure, chain};
use crate::gateways::told::{self, Teller};
use crate::gateways::wiring::{self, Reach};
use crate::gateways::{holder, kept_endpoints};
use crate::progress::Telling;
use crate::{markets, output};

/// Tells, or with `--yes` deletes.
pub async fn run(global: &Global, args: &CleanupArgs) -> Result<Exit, Failure> {
    refuse_csv(global)?;
    let settings = context::configure(global, Vec::new())?.settings;
    let telling = Telling::of(global);
    let regions = args.regions.iter().map(|code| Region::parse(code)).collect::<Result<Vec<_>, _>>();
    let regions = regions.map_err(|bad| Failure::usage(format!("--region: {bad}")))?;
    let scope = if regions.is_empty() { Scope::Everywhere } else { Scope::Only(regions) };
    let leases = if args.all_ours { Leases::Overridden } else { Leases::Honoured };
    let opened = opened(&settings, scope, leases, telling).await?;
    if args.yes {
        let began = Instant::now();
        let dead = holder::release_the_dead(opened.ledger.as_ref()).await;
        dead.map_err(|error| Failure::broken(chain(&error)))?;
        let report = opened.gateways.reconcile().await.map_err(|error| wiring::reconcile_failure(&error))?;
        if let Some(store) = &opened.store {
            let forgotten = kept_endpoints::forget_dead(store.as_ref(), opened.ledger.as_ref()).await;
            forgotten.map_err(|error| Failure::broken(chain(&error)))?;
        }
        told::down(&report, began.elapsed(), telling);
        print_outcome(global, &report)?;
        return Ok(if report.is_complete() { Exit::Done } else { Exit::Incomplete });
    }
    tell(global, &opened).await
}

/// Everything of ours, and where it is written down.
pub(super) struct Opened {
    pub(super) gateways: Gateways,
    pub(super) ledger: Arc<dyn Ledger>,
    /// `None`: there is none yet.
    store: Option<Arc<dyn Store>>,
}

/// The door to everything of ours, in every Region or in some, with the store's ledger if there is a store.
pub(super) async fn opened(
    settings: &Settings,
    scope: Scope,
    leases: Leases,
    telling: Telling,
) -> Result<Opened, Failure> {
    let provider = wiring::provider(settings, Reach::Everywhere).await?;
    let store = match markets::store_if_there(settings).await? {
        Some(store) => Some(store),
        None => {
            if telling != Telling::Quiet {
                say!("there is no store here yet: what other machines use is known by its tags alone");
            }
            None
        }
    };
    let behaviour = fleet_gateways::Settings { scope, leases, ..wiring::behaviour(settings)? };
    let ledger = wiring::ledger(store.clone());
    let gateways = wiring::door(provider, Arc::clone(&ledger), behaviour, Arc::new(Teller::new(telling)));
    Ok(Opened { gateways, ledger, store })
}

/// Before AWS is asked for anything.
pub(super) fn refuse_csv(global: &Global) -> Result<(), Failure> {
    match global.format {
        Format::Csv => Err(Failure::usage("gateways are told with --format table or json")),
        Format::Table | Format::Json => Ok(()),
    }
}

/// What deleting came to, where a program asks for it; people were told.
pub(super) fn print_outcome(global: &Global, report: &Report) -> Result<(), Failure> {
    match global.format {
        Format::Json => output::print(&output::json(&told::outcome(report))?),
        Format::Table | Format::Csv => Ok(()),
    }
}

/// What there is, in the form that was asked for. Nothing is changed.
pub(super) async fn tell(global: &Global, opened: &Opened) -> Result<Exit, Failure> {
    let mut picture = opened.gateways.survey().await.map_err(|error| wiring::reconcile_failure(&error))?;
    // As `--yes` will find it.
    for set in picture.sets.values_mut().filter(|set| holder::is_left_behind(set)) {
        set.state = SetState::Released;
    }
    let listing = told::listing(&picture);
    let text = match global.format {
        Format::Table => told::table(&listing),
        Format::Json => output::json(&listing)?,
        Format::Csv => return refuse_csv(global).map(|()| Exit::Done),
    };
    output::print(&text)?;
    Ok(if listing.blind.is_empty() { Exit::Done } else { Exit::Incomplete })
}
